import Logging
import Metrics
import NIOCore
import NIOPosix
import Settings
import Synchronization
import Transport

/// Answers `/metrics`, `/healthz` and `/readyz` on an address of their own.
///
/// A stranger who reaches the port may ask, so the bounds are tight: one request per connection, a few connections at a time, a few
/// seconds for each (`Limits`), and a head of at most `ScrapeRequest.maximumByteCount`. A connection beyond them is closed.
package struct MetricsListener: Sendable {
    package struct Limits: Sendable {
        /// Prometheus has one connection at a time.
        var connections = 32
        /// From the first byte of a connection to its end, however slowly it is read.
        var connection = TimeAmount.seconds(10)

        package init() {}
    }

    /// The port that the system gave when asked for port 0.
    package let localPort: Int
    private let channel: any Channel

    /// - Parameters:
    ///   - address: an address of this machine, or `*` for every one; port 0 lets the system choose, see `localPort`.
    /// - Throws: `TransportError` with code `cannot-bind`, or `SettingsError` for a name that does not resolve.
    package static func bind(
        to address: Endpoint, limits: Limits = Limits(), for source: any MetricsSource
    ) async throws -> MetricsListener {
        do {
            guard address.host == Endpoint.everyAddress else {
                return try await bind(host: address.host, port: address.port, limits, source)
            }
            do {
                return try await bind(host: "::", port: address.port, limits, source)
            } catch is IOError {
                // A machine without IPv6, or a port that is taken: the second attempt tells.
                return try await bind(host: "0.0.0.0", port: address.port, limits, source)
            }
        } catch let error as SocketAddressError.UnknownHost {
            throw SettingsError.usage("--metrics-listen: \(ErrorText.of(error)); give an address of this machine")
        } catch {
            throw TransportError(
                .cannotBind,
                "cannot listen on \(address) for metrics: \(ErrorText.of(error)); choose an address of this machine and a free "
                    + "port with --metrics-listen")
        }
    }

    private static func bind(
        host: String, port: Int, _ limits: Limits, _ source: any MetricsSource
    ) async throws -> MetricsListener {
        let room = ConnectionRoom(limit: limits.connections)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // The peer's end of file is the answer to ours.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = ScrapeHandler(source, room, limit: limits.connection)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: host, port: port).get()
        return MetricsListener(localPort: channel.localAddress?.port ?? 0, channel: channel)
    }

    /// Accepts no more connections. Those that are open end within their time.
    package func close() async { try? await channel.close() }
}

/// Runs `body`, and answers questions about `source` until it ends, if there is an address to do so.
package func answeringMetrics<Result: Sendable>(
    at address: Endpoint?, of source: any MetricsSource, _ logger: Logger,
    _ body: () async throws -> Result
) async throws -> Result {
    guard let address else { return try await body() }
    let listener = try await MetricsListener.bind(to: address, for: source)
    logger.info(
        "metrics are answered",
        metadata: ["address": "\(Endpoint(host: address.host, port: listener.localPort))"])
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body())
    } catch {
        result = .failure(error)
    }
    await listener.close()
    return try result.get()
}

/// How many connections are open.
final class ConnectionRoom: Sendable {
    private let limit: Int
    private let count = Mutex(0)

    init(limit: Int) { self.limit = limit }

    func enter() -> Bool {
        count.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
    }

    func leave() { count.withLock { $0 -= 1 } }
}
