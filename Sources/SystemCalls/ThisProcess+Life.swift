import CSystemCalls
import Glibc

extension ThisProcess {
    /// Lets the kernel kill this process when the thread that started it ends. The request survives `exec`.
    ///
    /// - Parameter parent: the process that must still be the parent; one that has ended already cannot be followed.
    /// - Throws: `ESRCH` when the parent is gone.
    package static func dieWithParent(_ parent: pid_t) throws(SystemError) {
        let code = tsr_system_follow_parent(parent, SIGKILL)
        guard code == 0 else { throw SystemError(code: code) }
    }

    /// Closes every file except the three standard ones.
    package static func closeInheritedFiles() { tsr_system_close_from(3) }

    /// Becomes the program at `path`; returns only when the system refuses.
    package static func become(_ path: String, arguments: [String]) -> SystemError {
        withCStrings(arguments) { argv in
            execv(path, argv)
            return SystemError.last
        }
    }
}

/// The processor that this process runs on.
package enum Processor {
    /// Whether programs built for x86-64-v3 (AVX2, BMI2, FMA and what belongs to them) run here.
    package static var isX86_64V3: Bool { tsr_system_is_x86_64_v3() != 0 }
}
