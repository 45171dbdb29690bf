import Names

/// Rows under headings, aligned for a fixed-width font; columns are two spaces apart.
struct Table: Sendable {
    enum Alignment: Sendable { case left, right }

    struct Column: Sendable {
        let heading: String
        let alignment: Alignment
        /// Whether its cells begin with the state of something, which has a colour on terminals.
        var isState = false

        static func left(_ heading: String) -> Column { Column(heading: heading, alignment: .left) }
        static func right(_ heading: String) -> Column { Column(heading: heading, alignment: .right) }
        static func state(_ heading: String = "STATE") -> Column {
            Column(heading: heading, alignment: .left, isState: true)
        }
    }

    let columns: [Column]
    private(set) var rows: [[String]] = []

    init(_ columns: Column...) { self.columns = columns }

    mutating func add(_ cells: String...) {
        precondition(
            cells.count == columns.count, "a row of \(cells.count) cells in a table of \(columns.count) columns")
        rows.append(cells.map(Self.printable))
    }

    /// The table with a line feed after each line; no spaces at the end of lines.
    var text: String { text(isColored: false) }

    /// - Parameter isColored: whether states have colours.
    func text(isColored: Bool) -> String {
        let headings = columns.map(\.heading)
        let widths = columns.indices.map { column in
            ([headings] + rows).map { $0[column].count }.max() ?? 0
        }
        return line(headings, widths: widths, isColored: false) + "\n"
            + rows.map { line($0, widths: widths, isColored: isColored) + "\n" }.joined()
    }

    private func line(_ cells: [String], widths: [Int], isColored: Bool) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: widths[index] - cell.count)
            let separator = index == 0 ? "" : "  "
            let cell = isColored && columns[index].isState ? StateColor.colored(cell) : cell
            line += separator + (columns[index].alignment == .right ? padding + cell : cell + padding)
        }
        while line.last == " " { line.removeLast() }
        return line
    }

    /// `text` with control characters escaped: names come from submitters, and must not steer the terminal.
    static func printable(_ text: String) -> String { ShownText.of(text) }
}
