import Foundation
import Glibc
import JobModel
import Journal
import TestSupport

/// journal-writer DIR: appends transactions to a journal until it is killed, and says of each when it is acknowledged.
///
/// Goes on where the journal ends. On standard output, a line for each transaction that is durable: its number.
@main
enum JournalWriterMain {
    static func main() throws {
        guard CommandLine.arguments.count == 2 else {
            FileHandle.standardError.write(Data("usage: journal-writer DIR\n".utf8))
            exit(2)
        }
        // Few pages, so that the log is written back often.
        let journal = try Journal(directory: CommandLine.arguments[1], checkpointPageCount: 60)
        try journal.replay { _ in }
        var number = journal.highestJobID.rawValue
        while true {
            number += 1
            try journal.append(JournalTranscript.transaction(number))
            let line = Array("\(number)\n".utf8)
            guard write(1, line, line.count) == line.count else { exit(1) }
        }
    }
}
