import Backup
import Glibc
import Logging
import NIOCore
import NIOPosix
import SystemCalls
import Transport

/// Freezes the state for `tessera-master backup`, on a socket in the state directory: a process that may write there may ask.
///
/// A connection is a request. The answer is one line, `ready` or `failed` and the reason; the frozen state lasts
/// until the other side closes the connection, or ends. There is one at a time; others wait.
struct BackupServer: Sendable {
    let stateDirectory: String
    let frozen: FrozenState
    let background: Background
    let blockingWork: NIOThreadPool
    let logger: Logger

    /// Runs until cancelled, or until the socket fails: a master that cannot take backups serves all the same.
    func run() async {
        do {
            try await serve()
        } catch is CancellationError {
            // The master stops.
        } catch {
            logger.error(
                "no backup can be made while this master runs",
                metadata: [
                    "socket": "\(StatePlaces.socket(stateDirectory))", "reason": "\(ErrorText.of(error))",
                    "way out": "give the state directory a path of less than 90 bytes, or stop the master for a backup",
                ])
        }
    }

    private func serve() async throws {
        // A master that was killed may have left one.
        try await blockingWork.runIfActive { frozen.remove() }
        let path = StatePlaces.socket(stateDirectory)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        defer { unlink(path) }
        chmod(path, 0o600)
        try await server.executeThenClose { requests in
            for try await request in requests {
                do {
                    try await answer(request)
                } catch let error where !(error is CancellationError) {
                    logger.debug("a backup's connection ended", metadata: ["reason": "\(ErrorText.of(error))"])
                }
                try Task.checkCancellation()
            }
        }
    }

    private func answer(_ request: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        try await request.executeThenClose { inbound, outbound in
            do {
                let answer: String
                do {
                    let (sequence, blobCount) = try await background.whileNothingIsRemoved { try frozen.take() }
                    logger.notice(
                        "the state is frozen for a backup",
                        metadata: ["sequence": "\(sequence)", "blobs": "\(blobCount)"])
                    answer = "ready\n"
                } catch let error where !(error is CancellationError) {
                    logger.error(
                        "the state could not be frozen for a backup", metadata: ["reason": "\(ErrorText.of(error))"])
                    answer = "failed \(ErrorText.of(error))\n"
                }
                try await outbound.write(ByteBuffer(string: answer))
                for try await _ in inbound {}
            } catch {
                await drop()
                throw error
            }
            await drop()
        }
    }

    private func drop() async {
        // When the master stops before that, its next start does it.
        try? await blockingWork.runIfActive { frozen.remove() }
    }
}
