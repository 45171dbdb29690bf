import Glibc
import SystemCalls

/// Which build of this program runs: the one for every x86-64 processor, or the one for those with wider vectors.
///
/// Both are made of the same sources, whose arithmetic does not depend on the width of vectors: results are the same
/// bytes (decision 7). The wider build is beside this program, with its level's name at the end of its own:
///
///     tessera-rank        runs everywhere; becomes the other where it can
///     tessera-rank-v3     x86-64-v3: AVX2
enum ProcessorBuild {
    /// Becomes the build that suits this processor best; returns when this is it.
    ///
    /// A program that was built without the other never starts one: what has that name beside it has older sources.
    static func becomeBest() {
        #if TESSERA_X86_64_V3
            guard Processor.isX86_64V3 else {
                printLine("built for x86-64-v3, which this processor is not: start tessera-rank instead")
                exit(78)
            }
        #elseif TESSERA_RANK_V3
            guard Processor.isX86_64V3, let own = ThisProcess.executablePath else { return }
            let path = own + "-v3"
            // Where it is not installed, this build does all the same, slower.
            _ = ThisProcess.become(path, arguments: [path] + CommandLine.arguments.dropFirst())
        #endif
    }
}
