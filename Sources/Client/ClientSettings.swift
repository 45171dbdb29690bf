import Pipelines
import Protocol
import Settings
import Transport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What a command was told, by flag, environment, file or default, checked.
struct ClientSettings: Sendable {
    let endpoint: Endpoint
    let secretFile: String?
    /// Where a secret was looked for, when there is none.
    let secretPlaces: [String]
    let reconnectTimeout: Duration
    let transport: TransportLimits
    let progress: ProgressStyle
    /// Where presets are, when there are any.
    let presetFile: String?
    private let settings: Settings

    /// - Parameter flags: options as name and value; `nil` values were not given.
    /// - Throws: `SettingsError`, or `TransportError` for an address that is none.
    init(
        flags: [(name: String, value: String?)], environment: [String: String],
        exists: (String) -> Bool = { FileStatus(at: $0) != nil }
    ) async throws {
        var arguments = flags.flatMap { name, value in value.map { ["--\(name)=\($0)"] } ?? [] }
        let folder = environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map { $0 + "/.config" }
        let isConfigNamed =
            environment["TESSERA_CONFIG"] != nil || flags.contains { $0.name == "config" && $0.value != nil }
        if !isConfigNamed, let file = folder.map({ $0 + "/tessera/client.yaml" }), exists(file) {
            arguments.append("--config=\(file)")
        }
        settings = try Settings(
            program: "tessera", version: Tessera.version, summary: "", settings: Self.known, arguments: arguments,
            environment: environment)

        endpoint = try Endpoint(parsing: try settings.requiredText("master"), defaultPort: 7400)
        let secretPlaces = [folder.map { $0 + "/tessera/secret" }, "/etc/tessera/secret"].compactMap(\.self)
        self.secretPlaces = secretPlaces
        secretFile = settings.text("secret-file") ?? secretPlaces.first(where: exists)
        reconnectTimeout = try settings.duration("reconnect-timeout", in: .zero ... .seconds(7 * 86400))
        presetFile =
            settings.text("presets") ?? folder.map { $0 + "/tessera/presets" }.flatMap { exists($0) ? $0 : nil }
        var transport = TransportLimits()
        transport.silence = try settings.duration("silence-timeout", in: .milliseconds(100) ... .seconds(3600))
        // The master may have to wait for its disk before it can say that it has a blob.
        transport.dataIdle = transport.silence * 4
        self.transport = transport
        let style = try settings.requiredText("progress")
        guard let progress = ProgressStyle(rawValue: style) else {
            throw settings.invalid("progress", style, allowed: "auto, bar, plain or none")
        }
        self.progress = progress
    }

    /// The presets that pipelines may use.
    /// - Throws: `ClientError` for a file that cannot be read or is malformed.
    func presets() throws(ClientError) -> PresetBook {
        guard let presetFile else { return PresetBook() }
        let bytes = try FileDescriptor.contents(of: presetFile, limit: PresetBook.maximumTextByteCount)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ClientError("bad-presets", "the presets '\(presetFile)' are not UTF-8 text", status: .usage)
        }
        do {
            return try PresetBook(parsing: text, origin: presetFile)
        } catch {
            throw ClientError(error.code.rawValue, error.message, status: .usage)
        }
    }

    /// The pipeline in its normal form, without presets, limited to the region of interest if there is one.
    func pipeline(_ text: String, region: String? = nil) throws(ClientError) -> String {
        let pipeline = try PipelineArgument(presets: presets()).checked(text)
        guard let region else { return pipeline }
        do {
            return try Pipeline(parsing: pipeline).limited(to: RegionOfInterest(parsing: region)).canonicalText
        } catch {
            throw ClientError(error.code.rawValue, error.message, status: .usage)
        }
    }

    /// - Throws: `TransportError` with the code `secret-file`.
    func secret() throws(TransportError) -> SharedSecret {
        guard let secretFile else {
            throw TransportError(
                .secretFile,
                "there is no shared secret: copy the master's to \(secretPlaces.joined(separator: " or ")), or name its "
                    + "file with --secret-file or TESSERA_SECRET_FILE")
        }
        return try SharedSecret(file: secretFile)
    }

    /// The request for a new job; 0 leaves a limit to the master.
    func openJob(pipeline: String, token: String) throws -> WireOpenJob {
        var request = WireOpenJob()
        request.token = token
        request.pipeline = pipeline
        request.submitter = settings.text("submitter") ?? Self.userAtHost()
        request.priority = Int32(try optional("priority", in: -100...100))
        request.noCache = try settings.isOn("no-cache")
        request.chunkByteCount = UInt64(try optional("chunk-bytes", in: 1...1 << 40))
        request.maximumPixelCount = UInt64(try optional("max-pixels", in: 1...1 << 40))
        request.maximumAttempts = UInt32(try optional("attempts", in: 1...100))
        return request
    }

    private func optional(_ name: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int {
        settings.text(name) == nil ? 0 : try settings.integer(name, in: range)
    }

    private static let known = [
        Setting("master", "HOST:PORT", default: "127.0.0.1:7400", "The master's address"),
        Setting("secret-file", "FILE", "The file with the shared secret"),
        Setting("reconnect-timeout", "TIME", default: "60s", "How long to try when the master is lost"),
        Setting(
            "silence-timeout", "TIME", default: "15s", "Take the master for lost when it says nothing for so long"),
        Setting("progress", "STYLE", default: "auto", "How to show progress: auto, bar, plain or none"),
        Setting("presets", "FILE", "The file of presets"),
        Setting("priority", "N", "From -100 to 100; higher goes first"),
        Setting("no-cache", "", "Compute everything anew"),
        Setting("max-pixels", "N", "Refuse images with more pixels"),
        Setting("chunk-bytes", "N", "Raw bytes of a chunk"),
        Setting("attempts", "N", "Attempts before a task is given up"),
        Setting("submitter", "NAME", "The label by which jobs share the cluster"),
    ]

    private static func userAtHost() -> String {
        var host = [CChar](repeating: 0, count: 256)
        let hasHost = gethostname(&host, host.count - 1) == 0
        let user =
            getenv("USER").map { String(cString: $0) }
            ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "uid-\(getuid())"
        return user
            + (hasHost
                ? "@" + String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "")
    }
}

extension CommonOptions {
    var flags: [(name: String, value: String?)] {
        [
            ("master", master), ("secret-file", secretFile), ("config", config), ("progress", progress),
            ("reconnect-timeout", reconnectTimeout), ("silence-timeout", silenceTimeout), ("presets", presets),
        ]
    }
}

extension JobOptionFlags {
    var flags: [(name: String, value: String?)] {
        [
            ("priority", priority), ("no-cache", noCache ? "true" : nil), ("max-pixels", maxPixels),
            ("chunk-bytes", chunkBytes), ("attempts", attempts), ("submitter", submitter),
        ]
    }
}
