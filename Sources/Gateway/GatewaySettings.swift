import ClientKit
import GatewayLogic
import JobModel
import Logging
import NIOCore
import Settings
import SystemCalls
import Transport

/// The gateway's settings, validated.
struct GatewaySettings: Sendable {
    static let software = "tessera-web \(Release.version)"

    var listen: Endpoint
    var master: MasterAddresses
    var secretFile: String?
    var encryption: Encryption
    var secretMissing: String
    var stateDirectory: String
    var shareDirectory: String
    /// Names under which browsers reach the gateway, besides the address that it listens on.
    var publicHosts: [String]
    /// Where a proxy that speaks TLS connects from; empty: there is none.
    var proxies: [AddressBlock]
    var uploads: UploadLimits
    /// How long originals are kept after the master has them, and uploads that no job uses, in milliseconds.
    var keepSources: UInt64
    var spoolByteCount: UInt64
    var connections: Int
    /// Pixels that a step of a preview may make.
    var previewPixelCount: Int
    var webhooks: WebhookSettings
    var addressFile: String?
    var linkFile: String?
    var logLevel: Logger.Level

    static let table = [
        Setting(
            "listen", "HOST:PORT", default: "127.0.0.1:7480",
            "Address to listen on; beyond this machine only with --behind-proxy. Port 0 lets the system choose"),
        Setting(
            "master", "HOST:PORT,...", default: "127.0.0.1:7400",
            "The master's address, or several at which it may be, separated by commas"),
        Setting("secret-file", "FILE", "The secret shared with the master \(Settings.secretPlacesHelp)"),
        Setting(
            "tls", "auto|on|off", default: "auto",
            "Encrypt connections to the master: except to this machine, all, or none"),
        Setting(
            "state-dir", "DIR", default: "/var/lib/tessera-web",
            "Tokens, uploads and what is known of them; one gateway a directory"),
        Setting(
            "share-dir", "DIR",
            "The page and the API's description (default: ../share/tessera beside this program, or that of the sources that it "
                + "was built from)"),
        Setting(
            "public-host", "NAME,...", "Names (with the port, if there is one) under which browsers reach the gateway"),
        Setting("behind-proxy", "CIDR,...", "Take connections from these addresses only, where a proxy adds TLS"),
        Setting("max-upload-bytes", "N", default: "64G", "Refuse larger files"),
        Setting("upload-timeout", "TIME", default: "7d", "Give up an upload of which nothing has come for this long"),
        Setting("keep-sources", "TIME", default: "7d", "Keep originals this long after the master has them"),
        Setting(
            "spool-bytes", "N", default: "100G", "Keep no more of uploads and originals; the oldest originals give way"),
        Setting("max-connections", "N", default: "1000", "Connections at a time"),
        Setting(
            "preview-pixels", "N", default: "4M",
            "Pixels that a step of a preview may make; two previews are made at a time, each on one core"),
        Setting(
            "webhook-allow", "CIDR,...",
            "Addresses that webhooks may send to, also by http://, besides those of the internet"),
        Setting(
            "webhook-ca-file", "FILE",
            "Certificates (PEM) that prove the receivers of webhooks, in place of the system's"),
        Setting(
            "webhook-pauses", "TIME,...", default: WebhookSettings.usualPauses,
            "Pauses before a message is sent again; after the last it is given up"),
        Setting("address-file", "FILE", "Write the address here once the gateway serves (for scripts)"),
        Setting(
            "link-file", "FILE", "Write the one-use link to sign in here, too, while listening on this machine only"),
        Setting("log-level", "LEVEL", default: "info", "trace, debug, info, notice, warning, error or critical"),
    ]

    init(_ settings: Settings) throws {
        do {
            listen = try Endpoint(parsing: try settings.requiredText("listen"), defaultPort: 7480, for: .listening)
        } catch let error as TransportError {
            throw settings.refused("listen", error.message)
        }
        do {
            master = try MasterAddresses(parsing: try settings.requiredText("master"), defaultPort: 7400)
        } catch let error as TransportError {
            throw settings.refused("master", error.message)
        }
        secretFile = settings.secretFile()
        secretMissing = settings.secretMissing
        encryption = try settings.choice("tls")
        stateDirectory = try settings.requiredText("state-dir")
        shareDirectory = settings.text("share-dir") ?? Self.usualShareDirectory()
        publicHosts = Self.list(settings.text("public-host"))
        proxies = try Self.blocks(settings, "behind-proxy")
        let age = try settings.duration("upload-timeout", in: .seconds(60) ... .seconds(90 * 86_400))
        uploads = UploadLimits(
            maximumByteCount: UInt64(try settings.integer("max-upload-bytes", in: 1 << 20...1 << 50)),
            ageSeconds: Int(age.components.seconds))
        let kept = try settings.duration("keep-sources", in: .zero ... .seconds(365 * 86_400))
        keepSources = UInt64(kept.components.seconds) * 1000
        spoolByteCount = UInt64(try settings.integer("spool-bytes", in: 1 << 20...1 << 50))
        connections = try settings.integer("max-connections", in: 8...100_000)
        previewPixelCount = try settings.integer("preview-pixels", in: 1 << 16...1 << 28)
        webhooks = try WebhookSettings(settings)
        addressFile = settings.text("address-file")
        linkFile = settings.text("link-file")
        let level = try settings.requiredText("log-level")
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw settings.invalid(
                "log-level", level, allowed: Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self.logLevel = logLevel
        guard isLoopback || !proxies.isEmpty else {
            throw settings.refused(
                "listen",
                "\(listen) is not an address of this machine alone, and the gateway speaks no TLS: put a proxy with TLS in "
                    + "front and name its address with --behind-proxy, or listen on 127.0.0.1")
        }
    }

    /// Where the page is installed; else where it is for a program in `.build/PLATFORM/CONFIGURATION` of its sources.
    static func usualShareDirectory(
        beside: (String) -> String = ThisProcess.pathBesideExecutable, exists: (String) -> Bool = Settings.fileExists
    ) -> String {
        let installed = beside("../share/tessera")
        let built = beside("../../../share/tessera")
        return !exists(installed + "/openapi.json") && exists(built + "/openapi.json") ? built : installed
    }

    /// Whether only this machine can connect.
    var isLoopback: Bool {
        listen.host == "localhost" || listen.host == "::1" || AddressBlock("127.0.0.0/8")?.contains(listen.host) == true
    }

    static func list(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").map { String($0.trimmingSpaces()) }.filter { !$0.isEmpty }
    }

    static func blocks(_ settings: Settings, _ name: String) throws -> [AddressBlock] {
        try list(settings.text(name)).map { text in
            guard let block = AddressBlock(text) else {
                throw settings.invalid(name, text, allowed: "addresses such as 192.0.2.1 or 10.0.0.0/8")
            }
            return block
        }
    }
}

extension AddressBlock {
    /// Reads `10.0.0.0/8` or `2001:db8::1`; `nil` for anything else.
    init?(_ text: String) {
        let sides = text.split(separator: "/", omittingEmptySubsequences: false)
        guard sides.count <= 2, let address = try? SocketAddress(ipAddress: String(sides[0]), port: 0) else {
            return nil
        }
        guard sides.count == 2 else {
            self.init(bytes: address.ipBytes)
            return
        }
        guard let bitCount = Int(sides[1]) else { return nil }
        self.init(bytes: address.ipBytes, bitCount: bitCount)
    }

    func contains(_ address: String) -> Bool {
        (try? SocketAddress(ipAddress: address, port: 0)).map { contains($0.ipBytes) } ?? false
    }
}

extension SocketAddress {
    /// The 4 or 16 bytes of an IP address; none of another.
    var ipBytes: [UInt8] {
        switch self {
        case .v4(let address): withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
        case .v6(let address): withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
        case .unixDomainSocket: []
        }
    }
}
