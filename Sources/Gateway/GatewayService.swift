import ClientKit
import DaemonSupport
import GatewayLogic
import GatewayStore
import Glibc
import JobModel
import JSONText
import Logging
import NIOCore
import Settings
import SystemCalls
import Transport

/// The gateway as a service: opens its state, serves, feeds jobs, and ends when told to.
struct GatewayService: Service {
    let settings: GatewaySettings
    let logger: Logger

    func run() async throws {
        _ = ThisProcess.raiseOpenFileLimit()
        guard let secretFile = settings.secretFile else { throw SettingsError.usage(settings.secretMissing) }
        let keyring = Keyring(try Secrets(file: secretFile))
        keyring.reload(from: secretFile, logger)
        let assets = try Assets(directory: settings.shareDirectory)
        try makeDirectory(settings.stateDirectory)
        let lock = try StateLock(directory: settings.stateDirectory)
        let store = try WebStore(path: settings.stateDirectory + "/web.sqlite")
        let spool = try Spool(path: settings.stateDirectory + "/spool")
        try removeOrphans(store, spool)
        let listener = try await listen()
        try await serve(listener, keyring, assets, store, spool)
        try store.close()
        withExtendedLifetime(lock) {}
        logger.info("gateway stopped")
    }

    private func makeDirectory(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw SettingsError.usage("--state-dir: \(path) cannot be made: \(SystemError.last)")
        }
    }

    /// Files whose uploads are not known: the state was deleted, or a deletion was cut short.
    private func removeOrphans(_ store: WebStore, _ spool: Spool) throws {
        for upload in try spool.uploads() where try store.upload(upload) == nil { spool.remove(upload) }
    }

    private func listen() async throws -> HTTPListener {
        var limits = HTTPListener.Limits()
        limits.connections = settings.connections
        do {
            return try await HTTPListener.bind(
                host: settings.listen.host == Endpoint.everyAddress ? "0.0.0.0" : settings.listen.host,
                port: settings.listen.port, limits: limits, logger: logger)
        } catch let error as IOError {
            throw SettingsError.usage(
                "--listen: cannot listen on \(settings.listen): \(SystemError(code: error.errnoCode))")
        }
    }

    private func serve(
        _ listener: HTTPListener, _ keyring: Keyring, _ assets: Assets, _ store: WebStore, _ spool: Spool
    ) async throws {
        let address = Endpoint(host: settings.listen.host, port: listener.localAddress.port ?? settings.listen.port)
        let link = MasterLink(settings: settings, keyring: keyring, logger: logger)
        let hub = EventHub()
        let feeders = JobFeeders(store: store, spool: spool, link: link, logger: logger)
        let budget = SpoolBudget(limit: settings.spoolByteCount, used: try store.uploadTotals().byteCount)
        let desk = UploadDesk(
            store: store, spool: spool, limits: settings.uploads, budget: budget, hub: hub, logger: logger
        ) { upload in await feeders.uploadEnded(upload) }
        let housekeeping = Housekeeping(desk: desk, keepSources: settings.keepSources, logger: logger)
        budget.setRoomMaker { await housekeeping.makeRoom($0) }
        let views = JobViews(store: store)
        let hooks = try WebhookDesk(
            settings.webhooks, store: store, link: link, page: pageAddress(at: address.port), logger: logger)
        let gateway = Gateway(
            settings: settings, store: store, desk: desk, feeders: feeders, link: link, hub: hub, views: views,
            assets: assets, origins: OriginCheck(hosts: hosts(at: address.port)),
            cursors: CursorKey(try store.cursorKey()),
            thumbnails: Thumbnails(), previews: PreviewDesk(maximumPixelCount: settings.previewPixelCount),
            pictures: PictureDesk(), hooks: hooks, logger: logger)
        let watcher = ChangeWatcher(link: link, hub: hub, views: views) { gateway.gatewayStatus() }
        let notifier = ServiceNotifier()
        try announce(address, store)
        notifier.ready()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await link.run() }
            group.addTask { try await feeders.run() }
            group.addTask { await housekeeping.run() }
            group.addTask { await watcher.run() }
            group.addTask { await hooks.run() }
            if let interval = notifier.watchdogInterval {
                group.addTask {
                    while (try? await Task.sleep(for: interval / 2)) != nil { notifier.watchdogPing() }
                }
            }
            group.addTask {
                try? await gracefulShutdown()
                notifier.stopping()
                hub.stop()
                listener.stop()
                // Not the end of this task: the answers under way end first.
                while (try? await Task.sleep(for: .seconds(3600))) != nil {}
            }
            group.addTask { try await listener.run(gateway) }
            // The listener ends when told to; anything else ends by an error.
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Where people find the page, for links in messages.
    private func pageAddress(at port: Int) -> String {
        if let host = settings.publicHosts.first { return "\(settings.proxies.isEmpty ? "http" : "https")://\(host)" }
        let host = settings.listen.host == Endpoint.everyAddress ? "localhost" : settings.listen.host
        return "http://\(Endpoint(host: host, port: port))"
    }

    /// The names under which browsers reach the gateway.
    private func hosts(at port: Int) -> [String] {
        var names = settings.publicHosts
        if settings.isLoopback || settings.listen.host == Endpoint.everyAddress {
            names += ["localhost", "127.0.0.1", "[::1]"].map { "\($0):\(port)" }
        }
        if settings.listen.host != Endpoint.everyAddress {
            names.append("\(Endpoint(host: settings.listen.host, port: port))")
        }
        return names
    }

    private func announce(_ address: Endpoint, _ store: WebStore) throws {
        logger.info(
            "gateway serves",
            metadata: [
                "address": "\(address)", "master": "\(settings.master)", "state-dir": "\(settings.stateDirectory)",
            ])
        try announceLink(address, store)
        // The last: a script that has waited for this file finds the others.
        if let file = settings.addressFile {
            let host = address.host == Endpoint.everyAddress ? "127.0.0.1" : address.host
            try replaceFile(at: file, with: Array("\(Endpoint(host: host, port: address.port))\n".utf8))
        }
    }

    /// Makes the link to sign in where only this machine can connect.
    private func announceLink(_ address: Endpoint, _ store: WebStore) throws {
        guard settings.isLoopback, settings.proxies.isEmpty else {
            return SignInLink.withdraw(in: settings.stateDirectory)
        }
        let links = SignInLink(base: "http://\(address)", store: store)
        try links.announce(in: settings.stateDirectory)
        let link = try links.make()
        if let file = settings.linkFile {
            try replaceFile(at: file, with: Array("\(link)\n".utf8), mode: 0o600)
        } else {
            // Not to the log, which others read.
            StandardError.write("sign in once within ten minutes: \(link)\n")
        }
    }
}
