import ArgumentParser
import ImageFormats
import Settings

/// An option that can also be given by the environment and in the configuration file.
///
/// The lists `CommonOption.all` and `JobOption.all` are the only ones: the flags of the command line, the keys of the
/// file and the environment's variables are made from them. docs/cli.md has a row for each, which a test checks.
struct ClientOption<Options>: Sendable {
    /// The flag without its dashes, and the key in the file.
    let name: String
    /// What the help shows for the value: `host:port`; empty for a switch.
    let placeholder: String
    /// The value where it is not given; `nil` when there is none.
    let defaultValue: String?
    /// For `tessera help`.
    let summary: String
    /// The value on this command line; `nil` when it was not given.
    let value: @Sendable (Options) -> String?

    init(
        _ name: String, _ placeholder: String, default defaultValue: String? = nil, _ summary: String,
        value: @escaping @Sendable (Options) -> String?
    ) {
        self.name = name
        self.placeholder = placeholder
        self.defaultValue = defaultValue
        self.summary = summary
        self.value = value
    }

    fileprivate var help: ArgumentHelp {
        placeholder.isEmpty ? ArgumentHelp(summary) : ArgumentHelp(summary, valueName: placeholder)
    }

    fileprivate var longName: NameSpecification { .customLong(name) }

    var setting: Setting { Setting(name, placeholder.uppercased(), default: defaultValue, summary) }
}

/// The options of every command that asks a master.
enum CommonOption {
    static let master = ClientOption<CommonOptions>(
        "master", "host:port,...", default: "127.0.0.1:7400",
        "The master's address, or several at which it may be, separated by commas (default: 127.0.0.1:7400)."
    ) { $0.master }
    static let secretFile = ClientOption<CommonOptions>(
        "secret-file", "file",
        "The file with the shared secret \(Settings.secretPlacesHelp)."
    ) { $0.secretFile }
    static let encryption = ClientOption<CommonOptions>(
        "tls", "auto|on|off", default: "auto",
        "Encrypt connections to the master: except to this machine, all, or none (default: auto)."
    ) { $0.tls }
    static let reconnectTimeout = ClientOption<CommonOptions>(
        "reconnect-timeout", "time", default: "60s", "How long to try when the master is lost, such as 60s or 5m."
    ) { $0.reconnectTimeout }
    static let silenceTimeout = ClientOption<CommonOptions>(
        "silence-timeout", "time", default: "15s",
        "Consider the master lost when it is silent for this long (default: 15s)."
    ) { $0.silenceTimeout }
    static let progress = ClientOption<CommonOptions>(
        "progress", "style", default: "auto", "How to show progress: auto, bar, plain or none."
    ) { $0.progress }
    static let presets = ClientOption<CommonOptions>(
        "presets", "file",
        "A file of presets: 'name = pipeline', a line each, used as '@name' (default: ~/.config/tessera/presets, if it is "
            + "there)."
    ) { $0.presets }

    static let all = [master, secretFile, encryption, reconnectTimeout, silenceTimeout, progress, presets]
}

/// The options of every command that submits a job.
enum JobOption {
    static let priority = ClientOption<JobOptionFlags>(
        "priority", "n", "From -100 to 100; higher goes first (default: 0)."
    ) {
        $0.priority
    }
    static let noCache = ClientOption<JobOptionFlags>(
        "no-cache", "", "Compute everything again, even where a kept result would do."
    ) {
        $0.noCache ? "true" : nil
    }
    static let maxPixels = ClientOption<JobOptionFlags>(
        "max-pixels", "n", "Refuse images with more pixels, such as 500M."
    ) {
        $0.maxPixels
    }
    static let chunkBytes = ClientOption<JobOptionFlags>(
        "chunk-bytes", "n",
        "Split images that have more raw bytes than this, such as 16M; the result does not depend on it."
    ) { $0.chunkBytes }
    static let attempts = ClientOption<JobOptionFlags>(
        "attempts", "n", "Attempts before a task is given up (default: the master's)."
    ) { $0.attempts }
    static let audit = ClientOption<JobOptionFlags>(
        "audit", "share",
        "Have this share of the tasks computed again by another worker, to compare: 1 for all, 0 for none (default: the "
            + "master's)."
    ) { $0.audit }
    static let submitter = ClientOption<JobOptionFlags>(
        "submitter", "name", "The label by which jobs share the cluster fairly (default: user@host)."
    ) { $0.submitter }

    static let format = ClientOption<JobOptionFlags>(
        "format", "name",
        "Write results in this format (\(ImageFormats.outputs.map(\.name).joined(separator: ", "))), or 'same' (default: as -o "
            + "ends, else each input's own)."
    ) { $0.format }
    static let quality = ClientOption<JobOptionFlags>(
        "quality", "n", "Quality of lossy formats, 1 to 100 (default: the format's)."
    ) { $0.quality }
    static let subsampling = ClientOption<JobOptionFlags>(
        "subsampling", "ratio", "How JPEG keeps colour: 4:4:4, 4:2:2 or 4:2:0 (the default)."
    ) { $0.subsampling }
    static let progressive = ClientOption<JobOptionFlags>(
        "progressive", "", "Write progressive JPEG files, each as a whole by one rank."
    ) { $0.progressive ? "true" : nil }
    static let lossless = ClientOption<JobOptionFlags>(
        "lossless", "", "Write WebP files without loss."
    ) { $0.lossless ? "true" : nil }
    static let compression = ClientOption<JobOptionFlags>(
        "compression", "name", "How TIFF files are compressed: deflate (the default) or none."
    ) { $0.compression }
    static let pyramid = ClientOption<JobOptionFlags>(
        "pyramid", "",
        "Write TIFF files with reduced levels, each half the size of the one before, as viewers of large images want."
    ) { $0.pyramid ? "true" : nil }
    static let strip = ClientOption<JobOptionFlags>(
        "strip", "", "Leave metadata out of results: text, EXIF, XMP, IPTC and resolution; colour profiles stay."
    ) { $0.strip ? "true" : nil }
    static let stripGPS = ClientOption<JobOptionFlags>(
        "strip-gps", "", "Leave out of results where pictures were taken: GPS in EXIF, and XMP and IPTC as a whole."
    ) { $0.stripGPS ? "true" : nil }
    static let page = ClientOption<JobOptionFlags>(
        "page", "n", "Which image of files with several pages, from 1 (default: the first)."
    ) { $0.page }
    static let level = ClientOption<JobOptionFlags>(
        "level", "n", "Which reduced level of files with a pyramid; 0 is the full image."
    ) { $0.level }
    static let lenient = ClientOption<JobOptionFlags>(
        "lenient", "", "Take damaged images as far as they can be decoded, with a remark."
    ) { $0.lenient ? "true" : nil }
    static let asStored = ClientOption<JobOptionFlags>(
        "as-stored", "", "Do not turn pictures upright as their EXIF Orientation says."
    ) { $0.asStored ? "true" : nil }

    static let all = [
        priority, noCache, maxPixels, chunkBytes, attempts, audit, submitter, format, quality, subsampling, progressive,
        lossless, compression, pyramid, strip, stripGPS, page, level, lenient, asStored,
    ]
}

extension Option where Value == String? {
    init<Options>(_ option: ClientOption<Options>) { self.init(name: option.longName, help: option.help) }
}

extension Flag where Value == Bool {
    init<Options>(wrappedValue: Bool, _ option: ClientOption<Options>) {
        self.init(wrappedValue: wrappedValue, name: option.longName, help: option.help)
    }
}

extension CommonOptions {
    /// The options as name and value; `nil` for those that were not given.
    var flags: [(name: String, value: String?)] {
        CommonOption.all.map { ($0.name, $0.value(self)) } + [("config", config)]
    }
}

extension JobOptionFlags {
    /// The options as name and value; `nil` for those that were not given.
    var flags: [(name: String, value: String?)] { JobOption.all.map { ($0.name, $0.value(self)) } }
}
