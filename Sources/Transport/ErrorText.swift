import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The words for errors that people read, in messages and logs.
///
/// Our own errors describe themselves. Those of libraries do so for programmers, with the names of functions, types and cases
/// and with error numbers: every message that quotes an error of unknown origin takes its words from here.
public enum ErrorText {
    /// What happened, as a part of a sentence.
    public static func of(_ error: any Error) -> String {
        switch error {
        case let error as IOError: reason(error.errnoCode)
        case let error as SocketAddressError.UnknownHost: unknownHost(error.host)
        case let error as NIOConnectionError: text(error)
        case let error as ChannelError: text(error)
        case is SocketAddressError: "the address cannot be used here"
        case is EventLoopError: "the program is ending"
        case is CancellationError: "it was interrupted"
        case let error as any Error & CustomStringConvertible where isOurs(error): error.description
        default: "an unexpected failure within the program"
        }
    }

    /// Why a conversation of a program that serves others ended; it is interrupted only when the program ends.
    public static func ofEnd(_ error: any Error) -> String {
        error is CancellationError ? "this program is ending" : of(error)
    }

    /// The system's words for an error number.
    static func reason(_ code: CInt) -> String { String(cString: strerror(code)) }

    static func unknownHost(_ host: String) -> String { "the name \(host) does not resolve to an address" }

    /// Whether the error is from one of this package's targets: then its description is for people.
    private static func isOurs(_ error: any Error) -> Bool {
        let module = String(reflecting: type(of: error)).prefix { $0 != "." }
        return !["Swift", "NIO", "Foundation", "_", "SwiftProtobuf", "Logging", "ArgumentParser", "__C"]
            .contains { module.hasPrefix($0) }
    }

    private static func text(_ error: NIOConnectionError) -> String {
        if let first = error.connectionErrors.first { return of(first.error) }
        return unknownHost(error.host)
    }

    private static func text(_ error: ChannelError) -> String {
        switch error {
        case .connectTimeout(let limit): "there was no answer for \(limit.nanoseconds / 1_000_000_000) s"
        case .ioOnClosedChannel, .alreadyClosed, .outputClosed, .inputClosed, .eof: "the connection is closed"
        default: "the network failed"
        }
    }
}
