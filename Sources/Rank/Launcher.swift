import Glibc
import MessagePassing

/// `tessera-rank --launch PARENT PROGRAM ARGUMENT...`: becomes PROGRAM, which is killed when the thread that started
/// this process ends.
///
/// The worker cannot ask for that itself: the request must be made in the child, between its start and the program.
enum Launcher {
    static func run(_ arguments: ArraySlice<String>) -> Never {
        guard let first = arguments.first, let parent = pid_t(first), let program = arguments.dropFirst().first else {
            fail("--launch needs the parent's process number and a program")
        }
        let code = ProcessLife.follow(parent: parent)
        guard code == 0 else { fail("the process \(parent) that is to be followed is gone") }
        // A worker's open sockets must not live on in its ranks: nobody would notice that they are closed.
        ProcessLife.closeInheritedFiles()
        // The program keeps this process's number; its children can tell whether it is still their parent.
        setenv("TESSERA_RANK_PARENT", String(getpid()), 1)
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.dropFirst().map { strdup($0) }
        argv.append(nil)
        execv(program, argv)
        fail("cannot execute \(program): \(String(cString: strerror(errno)))")
    }

    private static func fail(_ reason: String) -> Never {
        ProcessLife.say(reason)
        exit(71)
    }
}
