/// A name in a command that a person may copy.
enum ShellWord {
    /// The name as a shell takes it for one word.
    static func quoted(_ name: String) -> String {
        let plain = name.utf8.allSatisfy { byte in
            byte >= 0x80 || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
                || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
                || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "._-/+=@,%:".utf8.contains(byte)
        }
        if plain, !name.isEmpty { return Table.printable(name) }
        // By scalars: a quote with a combining mark behind it would be another character.
        let text = name.unicodeScalars.map { $0 == "'" ? "'\\''" : String($0) }.joined()
        return Table.printable("'" + text + "'")
    }

    /// The path of a file as a word that no program takes for an option.
    static func path(_ path: String) -> String { quoted(path.utf8.first == UInt8(ascii: "-") ? "./" + path : path) }
}
