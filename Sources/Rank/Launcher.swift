import Glibc
import SystemCalls

/// `tessera-rank --launch PARENT PROGRAM ARGUMENT...`: becomes PROGRAM, which is killed when the thread that started
/// this process ends.
///
/// The worker cannot ask for that itself: the request must be made in the child, between its start and the program.
enum Launcher {
    static func run(_ arguments: ArraySlice<String>) -> Never {
        guard let first = arguments.first, let parent = pid_t(first), let program = arguments.dropFirst().first else {
            fail("--launch needs the parent's process number and a program")
        }
        guard (try? ThisProcess.dieWithParent(parent)) != nil else {
            fail("the process \(parent) that is to be followed is gone")
        }
        // A worker's open sockets must not live on in its ranks: nobody would notice that they are closed.
        ThisProcess.closeInheritedFiles()
        // The program keeps this process's number; its children can tell whether it is still their parent.
        setenv("TESSERA_RANK_PARENT", String(getpid()), 1)
        let error = ThisProcess.become(program, arguments: Array(arguments.dropFirst()))
        fail("cannot execute \(program): \(error)")
    }

    private static func fail(_ reason: String) -> Never {
        printLine(reason)
        exit(71)
    }
}
