import CLibFuzzer
import FuzzTargets
import Glibc

// tessera-fuzz TARGET [libFuzzer's options] [corpus ...]
//
// Built with sanitizers by scripts/fuzz.sh. The target's name is also in the environment, for the processes that
// libFuzzer starts with its own options only (-merge=1, -minimize_crash=1).

let variable = "TESSERA_FUZZ_TARGET"

/// The target that the first argument or the environment names, and the arguments that are libFuzzer's.
func choose() -> (target: FuzzTarget, arguments: [String])? {
    var arguments = CommandLine.arguments
    if arguments.count > 1, let target = FuzzTarget.all.first(where: { $0.name == arguments[1] }) {
        setenv(variable, arguments.remove(at: 1), 1)
        return (target, arguments)
    }
    guard let name = getenv(variable).map({ String(cString: $0) }) else { return nil }
    return FuzzTarget.all.first { $0.name == name }.map { ($0, arguments) }
}

guard let (target, arguments) = choose() else {
    for target in FuzzTarget.all { print(target.name) }
    exit(64)
}
let chosen = target

// libFuzzer keeps the arguments for as long as it runs.
var count = Int32(arguments.count + 1)
let limit = "-max_len=\(target.maximumByteCount)"
var pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = .allocate(capacity: arguments.count + 2)
for (index, argument) in ([arguments[0], limit] + arguments.dropFirst()).enumerated() {
    pointers?[index] = strdup(argument)
}
pointers?[Int(count)] = nil

exit(
    LLVMFuzzerRunDriver(&count, &pointers) { bytes, byteCount in
        do {
            try chosen.run(UnsafeRawBufferPointer(start: bytes, count: byteCount))
        } catch {
            let line = Array("finding: \(error)\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
            abort()
        }
        return 0
    })
