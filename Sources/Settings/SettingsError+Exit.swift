import Glibc

extension SettingsError {
    /// Prints what there is to say and ends the process: 0 after help, 64 after a mistake, 1 when help cannot be printed.
    ///
    /// - Parameter program: whose mistake it was: in a journal, several programs speak.
    public func exit(_ program: String) -> Never {
        switch self {
        case .helpRequested(let text), .versionRequested(let text):
            print(text)
            guard fflush(nil) == 0 else {
                let reason = String(cString: strerror(errno))
                say("cannot write to standard output: \(reason)", program)
                Glibc.exit(EXIT_FAILURE)
            }
            Glibc.exit(0)
        case .usage(let text):
            say(text, program)
            Glibc.exit(64)
        }
    }

    private func say(_ text: String, _ program: String) {
        let line = Array("\(program): \(text)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}
