import Cryptography
import JobModel

/// What a backup has: its last file, and the one that makes a directory a backup.
///
/// Text, one fact per line, so that a person can read it; the digests of all files, and at the end that of the text before:
///
///     tessera-backup 1
///     release 0.1.0
///     lineage 32 digits
///     generation 0
///     sequence 4711
///     records 4200
///     journal SHA-256 BYTES
///     blob SHA-256 BYTES          one per blob, in order
///     missing SHA-256             one per blob that the journal needs, and that the master had lost or found damaged before
///     sha256 SHA-256
public struct BackupManifest: Hashable, Sendable {
    public static let fileName = "manifest"
    private static let form = 1

    /// The release that wrote it.
    public var release: String
    public var generation: Generation
    /// The sequence of the journal's last transaction.
    public var sequence: Int64
    public var recordCount: Int
    /// The journal's file.
    public var journal: BlobReference
    public var blobs: [BlobReference]
    public var missing: [BlobDigest]

    /// The bytes of all blobs.
    public var blobByteCount: UInt64 { blobs.reduce(0) { $0 + $1.byteCount } }

    // MARK: Text

    package var text: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(1000 + 90 * (blobs.count + missing.count))
        func add(_ line: String) {
            text += line.utf8
            text.append(UInt8(ascii: "\n"))
        }
        add("tessera-backup \(Self.form)")
        add("release \(release)")
        add("lineage \(generation.lineage)")
        add("generation \(generation.number)")
        add("sequence \(sequence)")
        add("records \(recordCount)")
        add("journal \(journal.digest) \(journal.byteCount)")
        for blob in blobs { add("blob \(blob.digest) \(blob.byteCount)") }
        for digest in missing { add("missing \(digest)") }
        add("sha256 \(Hexadecimal.text(SHA256.hash(text)))")
        return text
    }

    /// Why a text is not a manifest.
    package enum Malformed: Error, Hashable {
        /// It is of a newer form.
        case newer(String)
        /// It is not what was written.
        case damaged(String)
    }

    package init(parsing text: [UInt8]) throws(Malformed) {
        // In bytes: what is damaged need not be text.
        let lineFeed = UInt8(ascii: "\n")
        guard text.last == lineFeed, let end = text.dropLast().lastIndex(of: lineFeed) else {
            throw .damaged("its end is missing")
        }
        let covered = Array(text[...end])
        let last = text[(end + 1)...].dropLast()
        let lines = covered.dropLast().split(separator: lineFeed, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard let first = lines.first, first.hasPrefix("tessera-backup ") else {
            throw .damaged("it does not begin with 'tessera-backup'")
        }
        guard first == "tessera-backup \(Self.form)" else { throw .newer(first) }
        guard last.elementsEqual("sha256 \(Hexadecimal.text(SHA256.hash(covered)))".utf8) else {
            throw .damaged("its last line does not have the digest of those before")
        }
        // From here on the text is as this program, or another, meant it.
        var facts: [String: String] = [:]
        blobs = []
        missing = []
        for line in lines.dropFirst() {
            guard let space = line.firstIndex(of: " ") else { throw .damaged("a line is '\(line)'") }
            let (key, value) = (String(line[..<space]), line[line.index(after: space)...])
            switch key {
            case "blob": blobs.append(try Self.file(value))
            case "missing":
                guard let digest = BlobDigest(hex: value) else { throw .damaged("a line is '\(line)'") }
                missing.append(digest)
            default: facts[key] = String(value)
            }
        }
        func fact<Value>(_ key: String, _ read: (String) -> Value?) throws(Malformed) -> Value {
            guard let value = facts[key].flatMap(read) else { throw .damaged("it has no '\(key)'") }
            return value
        }
        release = try fact("release") { $0 }
        generation = Generation(
            of: try fact("lineage") { Lineage(hex: $0) }, number: try fact("generation") { UInt64($0) })
        sequence = try fact("sequence") { Int64($0) }
        recordCount = try fact("records") { Int($0) }
        journal = try Self.file(try fact("journal") { $0[...] })
    }

    init(
        release: String, generation: Generation, sequence: Int64, recordCount: Int, journal: BlobReference,
        blobs: [BlobReference], missing: [BlobDigest]
    ) {
        self.release = release
        self.generation = generation
        self.sequence = sequence
        self.recordCount = recordCount
        self.journal = journal
        self.blobs = blobs
        self.missing = missing
    }

    private static func file(_ text: Substring) throws(Malformed) -> BlobReference {
        let parts = text.split(separator: " ")
        guard parts.count == 2, let digest = BlobDigest(hex: parts[0]), let byteCount = UInt64(parts[1]) else {
            throw .damaged("a line has '\(text)'")
        }
        return BlobReference(digest: digest, byteCount: byteCount)
    }
}
