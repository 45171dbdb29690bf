import CProcessor
import Glibc
import MessagePassing

/// Which build of this program runs: the one for every x86-64 processor, or the one for those with wider vectors.
///
/// Both are made of the same sources, whose arithmetic does not depend on the width of vectors: results are the same
/// bytes (decision 7). The wider build lies beside this program, with its level's name at the end of its own:
///
///     tessera-rank        runs everywhere; becomes the other where it can
///     tessera-rank-v3     x86-64-v3: AVX2
enum ProcessorBuild {
    /// Becomes the build that suits this processor best; returns when this is it.
    static func becomeBest() {
        #if TESSERA_X86_64_V3
            guard tsr_processor_is_x86_64_v3() != 0 else {
                ProcessLife.say("built for x86-64-v3, which this processor is not: start tessera-rank instead")
                exit(78)
            }
        #else
            guard tsr_processor_is_x86_64_v3() != 0, let own = ownPath() else { return }
            let path = own + "-v3"
            var argv: [UnsafeMutablePointer<CChar>?] = ([path] + CommandLine.arguments.dropFirst()).map { strdup($0) }
            argv.append(nil)
            // Where it is not installed, this build does all the same, slower.
            execv(path, argv)
            for argument in argv { free(argument) }
        #endif
    }

    private static func ownPath() -> String? {
        guard let path = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }
}
