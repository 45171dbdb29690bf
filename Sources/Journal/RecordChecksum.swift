import Checksums

/// The checksum of a row of the `record` table: of every column that is not the checksum itself.
func recordChecksum(sequence: Int64, job: Int64, kind: Int64, body: UnsafeRawBufferPointer) -> Int64 {
    var checksum = CRC64()
    withUnsafeTemporaryAllocation(of: Int64.self, capacity: 3) { columns in
        columns[0] = sequence.littleEndian
        columns[1] = job.littleEndian
        columns[2] = kind.littleEndian
        checksum.update(UnsafeRawBufferPointer(columns))
    }
    checksum.update(body)
    return Int64(bitPattern: checksum.value)
}
