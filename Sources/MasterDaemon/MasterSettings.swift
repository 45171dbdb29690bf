import DaemonSupport
import Glibc
import ImageFormats
import JobModel
import Logging
import MasterMachine
import Scheduler
import Settings
import SystemCalls
import Transport

/// What the master was told, validated.
struct MasterSettings: Sendable {
    static let software = "tessera-master \(Release.version)"
    /// A chunk has to fit a worker's memory four times over.
    static let largestChunkByteCount: UInt64 = 4 << 30
    /// A task for each few bytes would be all cost and no work.
    static let leastChunkByteCount: UInt64 = 1 << 10
    static let chunkByteCounts = leastChunkByteCount...largestChunkByteCount

    /// Jobs of as many images keep a cluster busy with whole images.
    static let batchImageCount: UInt32 = 32
    /// How much larger chunks are in them.
    private static let batchFactor: UInt64 = 4

    /// Raw bytes of a chunk in a job that names none.
    ///
    /// The parts of a cut image travel as raw pixels, to the master and back, which costs more than most operations. One image
    /// that is cut is done sooner; many are done sooner whole, up to what a worker's memory holds.
    ///
    /// - Parameter imageCount: about how many the job will have; 0 where that is not known.
    func chunkByteCount(imageCount: UInt32) -> UInt64 {
        let usual = jobDefaults.chunkByteCount
        return imageCount < Self.batchImageCount ? usual : max(usual, min(usual * Self.batchFactor, 1 << 26))
    }

    var listen: Endpoint
    var stateDirectory: String
    var secretFile: SecretFile
    var addressFile: String?
    /// `nil` when nobody can ask for metrics.
    var metricsListen: Endpoint?
    var jobDefaults = JobOptions()
    /// What an image file may ask for before it is refused.
    var decoding = DecodingLimits()
    var keepResults: Duration
    var keepAtLeast: Duration
    var minimumFreeByteCount: UInt64
    /// Encoded bytes that may wait: inputs of images that have not ended, and uploads that no job refers to yet.
    var maximumQueuedByteCount: UInt64
    var unsealedJobTimeout: Duration
    var maximumUnsealedJobsPerConnection: Int
    var checkpointPageCount: Int
    var logLevel: Logger.Level
    var scheduler = SchedulerConfiguration()
    var transport = TransportLimits()
    /// What is demanded of connections.
    var encryption: Encryption

    /// What the state machine is configured with.
    var machine: MasterConfiguration {
        MasterConfiguration(
            scheduler: scheduler, keepResults: keepResults, keepAtLeast: keepAtLeast,
            unsealedTimeout: unsealedJobTimeout,
            maximumUnsealedJobsPerClient: maximumUnsealedJobsPerConnection)
    }

    static let table = [
        Setting(
            "listen", "HOST:PORT", default: "127.0.0.1:7400",
            "Address to listen on, '*' for every one; port 0 lets the system choose"),
        Setting("state-dir", "DIR", default: "/var/lib/tessera", "Journal and blobs; one master a directory"),
        Setting(
            "secret-file", "FILE",
            "The secret shared with workers and clients \(Settings.secretPlacesHelp); without one, the first start makes it"
        ),
        Setting(
            "tls", "auto|on|off", default: "auto",
            "Take connections in clear from this machine only, from nobody, or from everywhere; encrypted ones are always taken"
        ),
        Setting("address-file", "FILE", "Write the address here once the master serves (for scripts)"),
        MetricsSetting.setting,
        Setting("chunk-bytes", "N", default: "16M", "Raw bytes of a chunk; larger images are split"),
        Setting("max-pixels", "N", default: "4000000000", "Refuse images with more pixels"),
        Setting(
            "max-unpacked-bytes", "N", default: "4G",
            "Refuse images that decode to more than this, unless their file has a thousandth of it"),
        Setting(
            "max-interlaced-bytes", "N", default: "1G",
            "Refuse interlaced images that decode to more: a rank holds each as a whole"),
        Setting(
            "max-metadata-bytes", "N", default: "16M",
            "Carry no more of an image's text over to its result, nor of its profile, nor of its EXIF data"),
        Setting("max-attempts", "N", default: "4", "Failed attempts before a task is dead-lettered"),
        Setting(
            "progress-timeout", "TIME", default: "60s",
            "An attempt without progress for longer has failed; large tasks get a second more for each million pixels"),
        Setting(
            "audit", "SHARE", default: "0.5%",
            "Have this share of the tasks computed again by another worker, to compare: 0 for none, 1 for all"),
        Setting(
            "audit-wait", "TIME", default: "30s",
            "How long an image waits for a worker that could audit its tasks, while there is none"),
        Setting(
            "audit-window", "TIME", default: "4h",
            "Keep inputs this long after their images, to compute results of a worker found faulty again; 0s for not"),
        Setting("keep-results", "TIME", default: "7d", "Forget finished jobs and their results after this time"),
        Setting(
            "keep-at-least", "TIME", default: "1d",
            "Once the records are full, finished jobs older than this give way to new ones"),
        Setting("min-free-bytes", "N", default: "1G", "Refuse uploads that would leave less free space than this"),
        Setting(
            "unsealed-timeout", "TIME", default: "10m", "Cancel a job whose client stays away before it is complete"),
        Setting(
            "max-unsealed-jobs-per-connection", "N", default: "100",
            "Jobs that one connection may have opened and not completed"),
        Setting(
            "heartbeat", "TIME", default: "500ms",
            "How often workers show that they live; one that is silent for six beats is given up"),
        Setting("transfer-timeout", "TIME", default: "60s", "Give up a transfer when nothing arrives for this long"),
        Setting(
            "checkpoint-pages", "N", default: "2000",
            "Write the journal's log back to its database once it has this many pages of 4 KiB"),
        Setting(
            "interactive-pixels", "N", default: "16000000",
            "Jobs of at most this many pixels do not wait behind their submitter's batches"),
        Setting("max-jobs", "N", default: "10000", "Jobs that have not ended"),
        Setting("max-jobs-per-submitter", "N", default: "2000", "Jobs of one submitter that have not ended"),
        Setting("max-kept-jobs", "N", default: "100000", "Jobs in the records, ended ones included"),
        Setting(
            "max-kept-images", "N", default: "4000000", "Images of these jobs; each takes half a kilobyte of memory"),
        Setting("max-images-per-job", "N", default: "1000000", "Images of one job"),
        Setting("max-tasks", "N", default: "2000000", "Tasks that wait for a worker"),
        Setting("max-tasks-per-image", "N", default: "250000", "Tasks into which one image may be cut"),
        Setting("max-queued-bytes", "N", default: "1T", "Uploaded bytes of images that have not ended"),
        Setting(
            "max-dead-letters", "N", default: "100000", "Images that wait for a redrive; beyond, they fail permanently"),
        Setting("max-worker-losses", "N", default: "20", "Lost workers before a task is dead-lettered"),
        Setting("max-workers", "N", default: "20000", "Connected workers"),
        Setting("max-slots-per-worker", "N", default: "1024", "Slots that one worker may offer"),
        Setting("max-connections", "N", default: "20000", "Connections in all"),
        Setting("max-connections-per-address", "N", default: "1000", "Connections that one address may have"),
        Setting("max-handshakes-per-address", "N", default: "256", "Connections of one address in their handshake"),
        Setting("handshake-timeout", "TIME", default: "2s", "Drop peers that have not authenticated by then"),
        Setting(
            "frame-timeout", "TIME", default: "10s",
            "Close a connection that stalls for this long in the middle of a frame (less than 64 KiB of it arrive)"),
        Setting("write-timeout", "TIME", default: "10s", "Close a connection that takes nothing for this long"),
        Setting(
            "max-frames-per-second", "N", default: "5000", "Frames from one connection, on average over ten seconds"),
        Setting(
            "max-control-bytes-per-second", "N", default: "16M",
            "Bytes of control frames from one connection, on average over ten seconds"),
        Setting(
            "max-cancels-per-second", "N", default: "100",
            "Jobs that one client may cancel, on average over ten seconds"),
        Setting("log-level", "LEVEL", default: "info", "trace, debug, info, notice, warning, error or critical"),
    ]

    /// Looks whether the state directory can be made or used, as far as that depends on where it is and whose.
    /// - Throws: `SettingsError`. A disk that is full or fails is not a mistake in the settings: the journal finds it.
    func checkStateDirectory(_ settings: Settings) throws(SettingsError) {
        let mistakes = [ENOENT, EACCES, EPERM, EROFS, ENOTDIR, EISDIR, ENAMETOOLONG, ELOOP]
        func refused(_ error: SystemError) -> SettingsError {
            let remedy =
                error.code == ENOENT
                ? "make the directory above it, or name another with --state-dir"
                : "name a directory that the master may write with --state-dir, or run the master as its owner"
            return settings.refused("state-dir", "\(stateDirectory) cannot be used: \(error); \(remedy)")
        }
        if mkdir(stateDirectory, 0o700) == 0 {
            // The journal makes it, and makes its name durable.
            rmdir(stateDirectory)
            return
        }
        var error = SystemError.last
        if error.code == EEXIST {
            // The file that the master locks while it runs.
            let lock = open(stateDirectory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
            if lock >= 0 {
                close(lock)
                return
            }
            error = SystemError.last
        }
        if mistakes.contains(error.code) { throw refused(error) }
    }

    init(_ settings: Settings) throws {
        do {
            listen = try Endpoint(parsing: try settings.requiredText("listen"), defaultPort: 7400, for: .listening)
        } catch let error as TransportError {
            throw settings.refused("listen", error.message)
        }
        stateDirectory = try settings.requiredText("state-dir")
        secretFile = SecretFile(settings)
        encryption = try settings.choice("tls")
        addressFile = settings.text("address-file")
        metricsListen = try MetricsSetting.address(settings)
        jobDefaults.chunkByteCount = UInt64(
            try settings.integer(
                "chunk-bytes", in: Int(Self.leastChunkByteCount)...Int(Self.largestChunkByteCount)))
        jobDefaults.maximumPixelCount = UInt64(try settings.integer("max-pixels", in: 1...1_000_000_000_000))
        decoding.maximumUnpackedByteCount = UInt64(try settings.integer("max-unpacked-bytes", in: 1...(1 << 60)))
        decoding.maximumInterlacedByteCount = UInt64(try settings.integer("max-interlaced-bytes", in: 1...(1 << 50)))
        jobDefaults.maximumMetadataByteCount = UInt64(
            try settings.integer("max-metadata-bytes", in: 0...Int(JobOptions.largestMetadataByteCount)))
        jobDefaults.maximumAttempts = UInt32(try settings.integer("max-attempts", in: 1...100))
        let share = try settings.requiredText("audit")
        guard let auditShare = AuditShare(text: share) else {
            throw settings.invalid("audit", share, allowed: AuditShare.allowed)
        }
        jobDefaults.auditShare = auditShare
        scheduler.auditWait = try settings.duration("audit-wait", in: .zero ... .seconds(86400))
        let window = try settings.duration("audit-window", in: .zero ... .seconds(86400 * 365))
        // Where nothing is audited, nobody is found faulty.
        scheduler.auditWindow = auditShare == .none ? .zero : window
        scheduler.progressTimeout = try settings.duration(
            "progress-timeout", in: .milliseconds(100) ... .seconds(86400))
        keepResults = try settings.duration("keep-results", in: .zero ... .seconds(86400 * 3650))
        keepAtLeast = try settings.duration("keep-at-least", in: .zero ... .seconds(86400 * 3650))
        minimumFreeByteCount = UInt64(try settings.integer("min-free-bytes", in: 0...(1 << 50)))
        maximumQueuedByteCount = UInt64(try settings.integer("max-queued-bytes", in: 1...(1 << 60)))
        try Self.readLimits(settings, into: &scheduler)
        unsealedJobTimeout = try settings.duration("unsealed-timeout", in: .seconds(1) ... .seconds(86400))
        maximumUnsealedJobsPerConnection = try settings.integer("max-unsealed-jobs-per-connection", in: 1...1_000_000)
        scheduler.beat(every: try settings.duration("heartbeat", in: .milliseconds(50) ... .seconds(60)))
        transport.dataIdle = try settings.duration("transfer-timeout", in: .milliseconds(100) ... .seconds(86400))
        checkpointPageCount = try settings.integer("checkpoint-pages", in: 1...1_000_000)
        let level = try settings.requiredText("log-level")
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw settings.invalid(
                "log-level", level, allowed: Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self.logLevel = logLevel
        transport.connections = try settings.integer("max-connections", in: 1...1_000_000)
        transport.connectionsPerAddress = try settings.integer("max-connections-per-address", in: 1...1_000_000)
        // A master sends to many at once: what is under way to each has to be little.
        transport.dataWindowByteCount = 1 << 20
        // Workers and clients behind one address greet at the same moment after a restart; those that are rejected try again.
        transport.unauthenticatedPerAddress = min(
            try settings.integer("max-handshakes-per-address", in: 1...1_000_000), transport.connectionsPerAddress)
        let times: ClosedRange<Duration> = .milliseconds(100) ... .seconds(3600)
        transport.handshake = try settings.duration("handshake-timeout", in: times)
        transport.wholeFrame = try settings.duration("frame-timeout", in: times)
        transport.writeStall = try settings.duration("write-timeout", in: times)
        transport.framesPerSecond = try settings.integer("max-frames-per-second", in: 10...1_000_000_000)
        // A control frame of the greatest length has to pass.
        transport.controlBytesPerSecond = try settings.integer(
            "max-control-bytes-per-second", in: 65_536...1_000_000_000)
        transport.cancellationsPerSecond = try settings.integer("max-cancels-per-second", in: 1...1_000_000_000)
    }

    /// What bounds new work; `SchedulerConfiguration` says what each is.
    private static func readLimits(
        _ settings: Settings, into configuration: inout SchedulerConfiguration
    ) throws(SettingsError) {
        func count(_ name: String) throws(SettingsError) -> Int { try settings.integer(name, in: 1...Int(UInt32.max)) }
        configuration.interactivePixels = UInt64(try settings.integer("interactive-pixels", in: 0...(1 << 50)))
        configuration.maximumOpenJobs = try count("max-jobs")
        configuration.maximumOpenJobsPerSubmitter = try count("max-jobs-per-submitter")
        configuration.maximumJobs = try count("max-kept-jobs")
        configuration.maximumImages = try count("max-kept-images")
        configuration.maximumImagesPerJob = try count("max-images-per-job")
        configuration.maximumTasksReady = try count("max-tasks")
        configuration.maximumTasksPerImage = try settings.integer("max-tasks-per-image", in: 1...10_000_000)
        configuration.maximumDeadLetters = try count("max-dead-letters")
        configuration.maximumWorkerLosses = UInt32(try settings.integer("max-worker-losses", in: 1...1_000))
        configuration.maximumWorkers = try count("max-workers")
        configuration.maximumSlotsPerWorker = try count("max-slots-per-worker")
    }
}
