import Glibc

/// Lines and pixels on standard input and output.
///
/// Opened from their descriptors: the C library's own `stdin` and `stdout` are variables that anyone may change.
struct Wire {
    private let input: UnsafeMutablePointer<FILE>
    private let output: UnsafeMutablePointer<FILE>

    init?() {
        guard let input = fdopen(STDIN_FILENO, "rb"), let output = fdopen(STDOUT_FILENO, "wb") else { return nil }
        (self.input, self.output) = (input, output)
    }

    /// The next line, without its end; `nil` at the end of the input.
    func readLine() -> String? {
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        let count = getline(&line, &capacity, input)
        guard count > 0, let line else { return nil }
        let bytes = UnsafeRawBufferPointer(start: line, count: count)
        return String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
    }

    /// Fills `bytes`; whether there were enough.
    func read(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        fread(bytes.baseAddress, 1, bytes.count, input) == bytes.count
    }

    func write(line: String) {
        fputs(line + "\n", output)
        fflush(output)
    }

    func write(_ bytes: UnsafeRawBufferPointer) {
        fwrite(bytes.baseAddress, 1, bytes.count, output)
        fflush(output)
    }
}
