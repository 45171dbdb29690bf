import GatewayLogic
import NIOCore
import NIOHTTP1
import NIOPosix
import SystemCalls
import TLS

/// Sends one message to one receiver: one connection, one request, no redirects.
///
/// The name is resolved once, every address that it has is checked, and the connection is made to one of those that were checked: a
/// name that has another answer a moment later changes nothing.
struct WebhookPost: Sendable {
    /// Addresses of a receiver that are tried.
    private static let addressCount = 4

    let reach: WebhookReach
    let tls: TLSContext
    var limit: TimeAmount = .seconds(Int64(WebhookLimits.attemptSeconds))

    /// Why there was no answer, for the owner of the webhook.
    struct Failure: Error, Hashable, CustomStringConvertible {
        let description: String
    }

    struct Reply: Hashable, Sendable {
        let status: Int
        /// Seconds that the receiver asks to wait.
        let retryAfter: UInt64?
    }

    /// - Throws: when the receiver did not answer, or is not to be reached.
    func send(_ body: String, to target: WebhookTarget, fields: HTTPHeaders) async throws -> Reply {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let deadline = NIODeadline.now() + limit
        let addresses = try await NameResolver.addresses(of: target.host, port: target.port, until: deadline, on: loop)
        do {
            try reach.check(addresses.map(\.ipBytes), isEncrypted: target.isEncrypted)
        } catch {
            throw Failure(description: error.message)
        }
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: target.path)
        head.headers = [
            "Host": target.authority, "User-Agent": "tessera-web", "Content-Type": "application/json",
            "Content-Length": "\(body.utf8.count)", "Connection": "close",
        ]
        head.headers.add(contentsOf: fields)
        var last: any Error = Failure(description: WebhookReach.Refusal.noAddress.message)
        for address in addresses.prefix(Self.addressCount) {
            try Task.checkCancellation()
            do {
                let answer = Answer(loop.makePromise(of: Reply.self))
                try await connect(to: address, head, body, target, until: deadline, answer, on: loop)
                return try await withTaskCancellationHandler {
                    try await answer.promise.futureResult.get()
                } onCancel: {
                    answer.complete(.failure(CancellationError()))
                }
            } catch let error as ConnectFailure {
                // The next address may be one that answers.
                last = error.reason
            }
        }
        throw Failure(description: "no connection to it: \(Self.words(last))")
    }

    private struct ConnectFailure: Error {
        let reason: any Error
    }

    private func connect(
        to address: SocketAddress, _ head: HTTPRequestHead, _ body: String, _ target: WebhookTarget,
        until deadline: NIODeadline, _ answer: Answer<Reply>, on loop: any EventLoop
    ) async throws {
        let tls = tls
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(max(.milliseconds(1), min(.seconds(4), deadline - .now())))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if target.isEncrypted {
                        try pipeline.addHandler(ServerEncryptionHandler(tls, server: target.host))
                    }
                    try pipeline.addHandler(InboundLimit(WebhookLimits.answerByteCount))
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(ExchangeHandler(head, body, answer, until: deadline))
                }
            }
        do {
            _ = try await bootstrap.connect(to: address).get()
        } catch {
            // Where not even its handler was made.
            answer.complete(.failure(error))
            throw ConnectFailure(reason: error)
        }
    }

    /// What an error of a connection means to a person.
    static func words(_ error: any Error) -> String {
        switch error {
        case let failure as Failure: failure.description
        case let error as IOError: "\(SystemError(code: error.errnoCode))"
        case ChannelError.connectTimeout: "it does not answer"
        // At the deadline.
        case ChannelError.ioOnClosedChannel: "it did not answer in time"
        case let error as TLSError: error.reason
        case let error as HTTPParserError: "its answer is not HTTP: \(error)"
        default: "\(error)"
        }
    }
}
