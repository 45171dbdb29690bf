import ArgumentParser

/// What every command that asks a master takes. Values left out come from the environment, the file, or are built in.
struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The master's address (default: 127.0.0.1:7400).", valueName: "host:port"))
    var master: String?

    @Option(
        help: ArgumentHelp(
            "The file with the shared secret (default: ~/.config/tessera/secret, then /etc/tessera/secret).",
            valueName: "file"))
    var secretFile: String?

    @Option(
        help: ArgumentHelp(
            "A YAML file with values for these options (default: ~/.config/tessera/client.yaml, if it is there).",
            valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("How long to try when the master is lost, such as 60s or 5m.", valueName: "time"))
    var reconnectTimeout: String?

    @Option(
        help: ArgumentHelp(
            "Take the master for lost when it says nothing for so long (default: 15s).", valueName: "time"))
    var silenceTimeout: String?

    @Option(help: ArgumentHelp("How to show progress: auto, bar, plain or none.", valueName: "style"))
    var progress: String?

    @Option(
        help: ArgumentHelp(
            "A file of presets: 'name = pipeline', a line each, used as '@name' (default: ~/.config/tessera/presets, if "
                + "it is there).", valueName: "file"))
    var presets: String?

    @Flag(help: "Write data as JSON to standard output, and errors as JSON to standard error.")
    var json = false
}

/// How a job is to be run.
struct JobOptionFlags: ParsableArguments {
    @Option(help: ArgumentHelp("From -100 to 100; higher goes first (default: 0).", valueName: "n"))
    var priority: String?

    @Flag(help: "Compute everything anew, even where a kept result would do.")
    var noCache = false

    @Option(help: ArgumentHelp("Refuse images with more pixels, such as 500M.", valueName: "n"))
    var maxPixels: String?

    @Option(help: ArgumentHelp("Raw bytes of a chunk; larger images are split. Such as 16M.", valueName: "n"))
    var chunkBytes: String?

    @Option(
        help: ArgumentHelp(
            "Keep only this rectangle of each result, and compute only what it needs.", valueName: "x,y,w,h"))
    var roi: String?

    @Option(help: ArgumentHelp("Attempts before a task is given up (default: the master's).", valueName: "n"))
    var attempts: String?

    @Option(
        help: ArgumentHelp("The label by which jobs share the cluster fairly (default: user@host).", valueName: "name"))
    var submitter: String?
}

/// Where results go.
struct OutputOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Where results go: a file, a directory (ends with /), or - for standard output.", valueName: "path"))
    var output: String?
}
