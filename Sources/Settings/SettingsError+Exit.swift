import Glibc

extension SettingsError {
    /// Prints what there is to say and ends the process: 0 after help, 64 after a mistake.
    ///
    /// - Parameter program: whose mistake it was: in a journal, several programs speak.
    public func exit(_ program: String) -> Never {
        switch self {
        case .helpRequested(let text), .versionRequested(let text):
            print(text)
            Glibc.exit(0)
        case .usage(let text):
            let line = Array("\(program): \(text)\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
            Glibc.exit(64)
        }
    }
}
