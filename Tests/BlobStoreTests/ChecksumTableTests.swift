import JobModel
import Testing

@testable import BlobStore

@Suite struct ChecksumTableTests {
    private func digest(_ number: Int) throws -> BlobDigest {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        return try #require(BlobDigest([UInt8](repeating: 0, count: 28) + bytes))
    }

    private func checksums(_ number: Int) -> BlockChecksums {
        var checksums = BlockChecksums()
        Array("\(number)".utf8).withUnsafeBytes { checksums.update($0) }
        checksums.finish()
        return checksums
    }

    @Test func `the latest are known, and the oldest make room`() throws {
        let table = ChecksumTable(maximumCount: 180)
        var greatest = 0
        for number in 0..<1_000 {
            try table.insert(checksums(number), for: digest(number))
            greatest = max(greatest, table.blobCount)
            for recent in max(0, number - 8)...number {
                #expect(try table[digest(recent)] == checksums(recent).values, "\(recent) after \(number)")
            }
        }
        // One block each costs nine; a generation ends with the one that fills it.
        #expect(greatest <= 21)
        #expect(try table[digest(0)] == nil)
    }

    @Test func `what is removed takes no room, whichever generation it is of`() throws {
        let table = ChecksumTable(maximumCount: 180)
        for number in 0..<15 { try table.insert(checksums(number), for: digest(number)) }
        for number in 0..<15 {
            try table.remove(digest(number))
            #expect(try table[digest(number)] == nil)
        }
        #expect(table.blobCount == 0)
        // Had the room not been given back, the younger generation would be full sooner now.
        for number in 100..<110 { try table.insert(checksums(number), for: digest(number)) }
        #expect(try (100..<110).allSatisfy { try table[digest($0)] != nil })
    }

    @Test func `what is put again is counted once`() throws {
        let table = ChecksumTable(maximumCount: 180)
        for _ in 0..<1_000 { try table.insert(checksums(7), for: digest(7)) }
        try table.insert(checksums(8), for: digest(8))
        #expect(table.blobCount == 2)
        #expect(try table[digest(7)] == checksums(7).values)
    }
}
