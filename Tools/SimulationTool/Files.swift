import ArgumentParser
import Glibc

/// Replaces the file's content.
func writeText(_ text: String, to path: String) throws {
    guard let file = fopen(path, "w") else {
        throw ValidationError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
    fputs(text, file)
    guard fclose(file) == 0 else {
        throw ValidationError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
}
