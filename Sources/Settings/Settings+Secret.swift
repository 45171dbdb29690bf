import Glibc
import Names

extension Settings {
    /// The places where every program looks for the shared secret when `secret-file` is not given, the first one first.
    public var secretPlaces: [String] {
        [personalDirectory.map { $0 + "/secret" }, "/etc/tessera/secret"].compactMap(\.self)
    }

    /// The file with the shared secret: the one that was named, else the first of `secretPlaces` that exists.
    public func secretFile(exists: (String) -> Bool = fileExists) -> String? {
        text("secret-file") ?? secretPlaces.first(where: exists)
    }

    /// Whether there is a file at a path in the text form of names.
    public static func fileExists(_ path: String) -> Bool {
        BytePath(text: path).withCString { access($0, F_OK) } == 0
    }

    /// What to do about a secret that is in none of the places.
    public var secretMissing: String {
        "there is no shared secret: copy the master's to \(secretPlaces.map(ShownText.of).joined(separator: " or ")) (mode 600), or name its "
            + "file with --secret-file or TESSERA_SECRET_FILE"
    }

    /// What `--help` says of it, beside what the secret is for.
    public static let secretPlacesHelp = "(default: ~/.config/tessera/secret, else /etc/tessera/secret)"
}
