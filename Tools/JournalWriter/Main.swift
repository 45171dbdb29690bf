import Foundation
import Glibc
import JobModel
import Journal
import TestSupport

/// journal-writer DIR: appends transactions to a journal until it is killed, and says of each when it is acknowledged.
/// journal-writer DIR TASKS: writes the journal of a job of TASKS tasks, half of them done.
///
/// The first continues where the journal ends. On standard output, a line for each transaction that is durable: its number.
@main
enum JournalWriterMain {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.count == 2, let last = arguments.last, let taskCount = Int(last), taskCount > 0 {
            return try writeLarge(taskCount, to: arguments[1])
        }
        guard arguments.count == 1 else {
            FileHandle.standardError.write(Data("usage: journal-writer DIR [TASKS]\n".utf8))
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

    private static func writeLarge(_ taskCount: Int, to directory: String) throws {
        let journal = try Journal(directory: directory)
        let content = try LargeJournal(taskCount: taskCount)
        try content.write { try journal.append($0) }
        print("\(content.taskCount) tasks, \(journal.recordCount) records")
        try journal.close()
    }
}
