import Backup
import Cryptography
import JobModel

extension FuzzTarget {
    /// The manifest of a backup, which may come from another machine, or from another person. What is read is written as a
    /// manifest of the same facts.
    ///
    ///     whether the text gets its digest as the last line | the text ...
    static let backupManifest = FuzzTarget("backup-manifest") { bytes in
        var input = InputBytes(bytes)
        let isSealed = input.byte() & 1 == 1
        var text = Array(input.rest)
        if isSealed { text += "sha256 \(Hexadecimal.text(SHA256.hash(text)))\n".utf8 }
        guard let manifest = try? BackupManifest(parsing: text) else { return }
        let again: BackupManifest
        do {
            again = try BackupManifest(parsing: manifest.text)
        } catch {
            throw FuzzFinding(description: "\(manifest) is written to a text that does not read: \(error)")
        }
        try FuzzFinding.unless(again == manifest, "\(manifest) reads as \(again)")
    }
}
