import Pipelines
import ClientKit
import ImageFormats
import JobModel
import Names
import PrivateCluster
import Settings
import Transport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The settings of a command, from flags, the environment, the file and defaults; checked.
struct ClientSettings: Sendable {
    let masters: MasterAddresses
    let secretFile: String?
    /// Where the master's address comes from.
    let masterOrigin: MasterOrigin
    let encryption: Encryption
    let reconnectTimeout: Duration
    let transport: TransportLimits
    let progress: ProgressStyle
    /// The file of presets, if there is one.
    let presetFile: String?
    private let settings: Settings

    /// - Parameter flags: options as name and value; `nil` values were not given.
    /// - Throws: `SettingsError`.
    init(
        flags: [(name: String, value: String?)], environment: [String: String],
        exists: (String) -> Bool = { FileStatus(at: BytePath(text: $0)) != nil }
    ) async throws {
        var arguments = flags.flatMap { name, value in value.map { ["--\(name)=\($0)"] } ?? [] }
        let personal = Settings.personalDirectory(environment)
        let isConfigNamed =
            environment["TESSERA_CONFIG"] != nil || flags.contains { $0.name == "config" && $0.value != nil }
        if !isConfigNamed, let file = personal.map({ $0 + "/client.yaml" }), exists(file) {
            arguments.append("--config=\(file)")
        }
        settings = try Settings(
            program: "tessera", version: Tessera.version, summary: "", settings: Self.known, arguments: arguments,
            environment: environment)

        // The private cluster has a secret of its own: a command that names one means another cluster.
        let isGiven = settings.isGiven("master") || settings.isGiven("secret-file")
        let found = isGiven ? nil : PrivateCluster.found(environment: environment)
        do {
            masters = try MasterAddresses(
                parsing: try found?.master ?? settings.requiredText("master"), defaultPort: 7400)
        } catch let error as TransportError {
            throw settings.refused("master", error.message)
        }
        secretFile = found?.secretFile ?? settings.secretFile(exists: exists)
        masterOrigin = isGiven ? .given : found == nil ? .builtIn : .privateCluster
        encryption = try settings.choice("tls")
        reconnectTimeout = try settings.duration("reconnect-timeout", in: .zero ... .seconds(7 * 86400))
        presetFile =
            settings.text("presets") ?? personal.map { $0 + "/presets" }.flatMap { exists($0) ? $0 : nil }
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
        let bytes = try FileDescriptor.contents(of: BytePath(text: presetFile), limit: PresetBook.maximumTextByteCount)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ClientError(
                "bad-presets", "the presets '\(ShownText.of(presetFile))' are not UTF-8 text", kind: .usage)
        }
        do {
            return try PresetBook(parsing: text, origin: presetFile)
        } catch {
            throw ClientError(error.code.rawValue, error.message, kind: .usage)
        }
    }

    /// The pipeline in its normal form, without presets, limited to the region of interest if there is one.
    func pipeline(_ text: String, region: String? = nil) throws(ClientError) -> String {
        let pipeline = try PipelineArgument(presets: presets()).checked(text)
        guard let region else { return pipeline }
        do {
            let limited = try PipelineCache.shared.pipeline(pipeline).limited(to: RegionOfInterest(parsing: region))
            PipelineCache.shared.remember(limited)
            return limited.canonicalText
        } catch {
            throw ClientError(error.code.rawValue, error.message, kind: .usage)
        }
    }

    /// - Throws: `TransportError` with the code `secret-file`.
    func secret() throws(TransportError) -> SharedSecret {
        guard let secretFile else {
            throw TransportError(.secretFile, settings.secretMissing)
        }
        return try SharedSecret(file: secretFile)
    }

    /// Where a master's address comes from: the first of these that has one.
    enum MasterOrigin: Hashable, Sendable {
        /// Named by an option, the environment or the settings file, itself or by its secret.
        case given
        case privateCluster
        case builtIn

        /// What a person may do when there is no master, or no secret for it.
        var advice: String? {
            switch self {
            case .given: nil
            case .privateCluster:
                "this is the private cluster, of which a part has ended: 'tessera up' starts it again, 'tessera down' forgets it"
            case .builtIn:
                "no master was named, and there is no private cluster: 'tessera up' starts one on this machine"
            }
        }
    }

    /// The secret file, for a command that changes it.
    /// - Throws: `TransportError` with the code `secret-file` when there is none.
    func existingSecretFile() throws(TransportError) -> String {
        guard let secretFile else { throw TransportError(.secretFile, settings.secretMissing) }
        return secretFile
    }

    /// The label of this person's jobs.
    var submitter: String { settings.text("submitter") ?? Self.userAtHost() }

    /// The request for a new job; a limit that is not given is left to the master.
    func jobRequest(pipeline: String, encoding: ResultEncoding? = nil) throws -> JobRequest {
        let submitter = submitter
        guard !submitter.allSatisfy(\.isWhitespace) else {
            throw settings.invalid("submitter", submitter, allowed: "a name, such as ada@atlas")
        }
        return try JobRequest(
            pipeline: pipeline, submitter: submitter,
            priority: Int32(optional("priority", in: -100...100) ?? 0),
            mayUseCache: !settings.isOn("no-cache"),
            // The master's limits: below them an image is all cost and no work, above them it fits no worker.
            chunkByteCount: optional("chunk-bytes", in: 1 << 10...4 << 30).map { UInt64($0) },
            maximumPixelCount: optional("max-pixels", in: 1...1 << 40).map { UInt64($0) },
            maximumAttempts: optional("attempts", in: 1...100).map { UInt32($0) }, auditShare: auditShare(),
            encoding: (encoding ?? self.encoding()).text, decoding: decoding())
    }

    /// The format that results are asked for in, with its options; see `JobRequest.encoding`.
    ///
    /// - Parameter output: the value of `-o`, whose end names a format where `--format` does not.
    func encoding(output: String? = nil) throws -> ResultEncoding {
        var words: [String] = []
        if let quality = try optional("quality", in: 1...100) { words.append("quality=\(quality)") }
        if let subsampling = settings.text("subsampling") { words.append("subsampling=\(subsampling)") }
        if try settings.isOn("progressive") { words.append("progressive") }
        if try settings.isOn("lossless") { words.append("lossless") }
        if let compression = settings.text("compression") { words.append("compression=\(compression)") }
        if try settings.isOn("pyramid") { words.append("pyramid") }
        if try settings.isOn("strip") {
            words.append(MetadataStripping.all.rawValue)
        } else if try settings.isOn("strip-gps") {
            words.append(MetadataStripping.location.rawValue)
        }
        let ordered = Set(settings.effective.filter { $0.origin == .flag }.map(\.name))
        return try ResultEncoding(
            format: settings.text("format"), options: words, output: output
        ) { ordered.contains($0) }
    }

    private func decoding() throws -> String {
        var words: [String] = []
        if let page = try optional("page", in: 1...1_000_000) { words.append("page=\(page)") }
        if let level = try optional("level", in: 0...1_000) { words.append("level=\(level)") }
        if try settings.isOn("lenient") { words.append("lenient") }
        if try settings.isOn("as-stored") { words.append("as-stored") }
        return words.joined(separator: " ")
    }

    private func auditShare() throws(SettingsError) -> AuditShare? {
        guard let text = settings.text("audit") else { return nil }
        guard let share = AuditShare(text: text) else {
            throw settings.invalid("audit", text, allowed: AuditShare.allowed)
        }
        return share
    }

    private func optional(_ name: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int? {
        settings.text(name) == nil ? nil : try settings.integer(name, in: range)
    }

    private static let known = CommonOption.all.map(\.setting) + JobOption.all.map(\.setting)

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
