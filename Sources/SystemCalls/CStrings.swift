import Glibc
import Names

/// Calls `body` with a C array of C strings that a null pointer ends, as `execv` and `posix_spawn` take them.
/// Strings in the text form of names become their bytes.
package func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() {
        (pointers + index).initialize(to: BytePath(text: string).withCString { strdup($0) })
    }
    (pointers + strings.count).initialize(to: nil)
    defer {
        for index in strings.indices { free(pointers[index]) }
        pointers.deallocate()
    }
    return body(pointers)
}
