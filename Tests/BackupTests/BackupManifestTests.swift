import JobModel
import Testing

@testable import Backup

@Suite struct BackupManifestTests {
    private static func digest(_ byte: UInt8) throws -> BlobDigest {
        try #require(BlobDigest([UInt8](repeating: byte, count: 32)))
    }

    static func sample() throws -> BackupManifest {
        let lineage = try #require(Lineage((0..<16).map { UInt8($0 * 7) }))
        return BackupManifest(
            release: "0.1.0", generation: Generation(of: lineage, number: 3), sequence: 4711, recordCount: 17,
            journal: BlobReference(digest: try digest(1), byteCount: 40960),
            blobs: [
                BlobReference(digest: try digest(2), byteCount: 0),
                BlobReference(digest: try digest(3), byteCount: .max),
            ], missing: [try digest(4)])
    }

    @Test func `a manifest is read as it was written`() throws {
        let manifest = try Self.sample()
        #expect(try BackupManifest(parsing: manifest.text) == manifest)
    }

    @Test func `any changed, missing or added byte of a manifest is detected`() throws {
        let text = try Self.sample().text
        for index in text.indices {
            var changed = text
            changed[index] ^= 1
            #expect(throws: BackupManifest.Malformed.self, "byte \(index)") { try BackupManifest(parsing: changed) }
            let cut = Array(text[..<index])
            #expect(throws: BackupManifest.Malformed.self, "cut at \(index)") { try BackupManifest(parsing: cut) }
        }
        let longer = text + Array("\n".utf8)
        #expect(throws: BackupManifest.Malformed.self) { try BackupManifest(parsing: longer) }
    }

    @Test func `a manifest of a newer form is told from a damaged one`() throws {
        let text = Array(
            String(decoding: try Self.sample().text, as: UTF8.self).replacing("backup 1", with: "backup 2").utf8)
        #expect(throws: BackupManifest.Malformed.newer("tessera-backup 2")) { try BackupManifest(parsing: text) }
    }

    @Test func `bytes that are not text are refused as damage`() {
        // Longer as text than they are: each of them is replaced by three bytes.
        let text = Array("tessera-backup 1\n".utf8) + [UInt8](repeating: 0xFF, count: 64) + Array("\n".utf8)
        #expect(throws: BackupManifest.Malformed.damaged("its last line does not have the digest of those before")) {
            try BackupManifest(parsing: text)
        }
    }
}
