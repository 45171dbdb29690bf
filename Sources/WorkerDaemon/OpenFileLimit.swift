import SystemCalls

/// The open files that a worker needs: sockets to its ranks, to the master, and files of tasks.
struct OpenFileLimit: Sendable {
    /// Files of the process itself: standard streams, signals, the log, the control connection, the scratch directory.
    private static let ownCount = 14
    /// Files of an event loop of the network; there is one for each core.
    private static let loopCount = 4
    /// Files of a slot: two data connections, the files of a running, a waiting and an uploading task, its directory, its interrupt.
    private static let slotCount = 12
    /// More would help nobody, and each process that is started looks through them.
    private static let most = 65_536

    /// - Throws: `TooFewOpenFiles` when not as many may be open.
    static func raise(slots: Int, ranks: Int) throws(TooFewOpenFiles) {
        try check(ThisProcess.raiseOpenFileLimit(to: most), slots: slots, ranks: ranks)
    }

    static func check(
        _ have: Int, slots: Int, ranks: Int, cores: Int = Machine.processorCount
    ) throws(TooFewOpenFiles) {
        let need = ownCount + loopCount * cores + slots * (slotCount + ranks)
        guard have >= need else { throw TooFewOpenFiles(have: have, need: need, slots: slots, ranks: ranks) }
    }
}

/// The system lets the worker open too few files for its slots.
struct TooFewOpenFiles: Error, CustomStringConvertible {
    let have: Int
    let need: Int
    let slots: Int
    let ranks: Int

    var description: String {
        "at most \(have) files may be open, and --slots \(slots) with --ranks \(ranks) needs \(need): raise the limit "
            + "(ulimit -Hn, LimitNOFILE= in the unit), or give fewer slots"
    }
}
