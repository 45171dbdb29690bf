import ArgumentParser

/// The options of every command that asks a master. A value that is not given comes from the environment or the file, or
/// is built in.
struct CommonOptions: ParsableArguments {
    @Option(CommonOption.master) var master: String?
    @Option(CommonOption.secretFile) var secretFile: String?
    @Option(CommonOption.encryption) var tls: String?

    @Option(
        help: ArgumentHelp(
            "A YAML file with values for these options (default: ~/.config/tessera/client.yaml, if it is there).",
            valueName: "file"))
    var config: String?

    @Option(CommonOption.reconnectTimeout) var reconnectTimeout: String?
    @Option(CommonOption.silenceTimeout) var silenceTimeout: String?
    @Option(CommonOption.progress) var progress: String?
    @Option(CommonOption.presets) var presets: String?

    @Flag(help: "Write data as JSON to standard output, and errors as JSON to standard error.")
    var json = false
}

/// How a job is to be run.
struct JobOptionFlags: ParsableArguments {
    @Option(JobOption.priority) var priority: String?
    @Flag(JobOption.noCache) var noCache: Bool = false
    @Option(JobOption.maxPixels) var maxPixels: String?
    @Option(JobOption.chunkBytes) var chunkBytes: String?

    @Option(
        help: ArgumentHelp(
            "Keep only this rectangle of each result, and compute only what it needs.", valueName: "x,y,w,h"))
    var roi: String?

    @Option(JobOption.attempts) var attempts: String?
    @Option(JobOption.audit) var audit: String?
    @Option(JobOption.submitter) var submitter: String?

    @Option(JobOption.format) var format: String?
    @Option(JobOption.quality) var quality: String?
    @Option(JobOption.subsampling) var subsampling: String?
    @Flag(JobOption.progressive) var progressive: Bool = false
    @Flag(JobOption.lossless) var lossless: Bool = false
    @Option(JobOption.compression) var compression: String?
    @Flag(JobOption.pyramid) var pyramid: Bool = false
    @Flag(JobOption.strip) var strip: Bool = false
    @Flag(JobOption.stripGPS) var stripGPS: Bool = false
    @Option(JobOption.page) var page: String?
    @Option(JobOption.level) var level: String?
    @Flag(JobOption.lenient) var lenient: Bool = false
    @Flag(JobOption.asStored) var asStored: Bool = false
}

/// The place of results.
struct OutputOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Where results go: a file, a directory (ends with /), or - for standard output.", valueName: "path"))
    var output: String?

    /// The option as it was written, for an advice.
    var words: [String] { output.map { ["-o", $0] } ?? [] }
}
