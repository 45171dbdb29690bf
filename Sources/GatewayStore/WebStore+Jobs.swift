import GatewayLogic
import SQLite

/// A job that was submitted through the gateway.
package struct FedJob: Hashable, Sendable {
    package let job: UInt64
    package let owner: String
    package var sealsWhenComplete: Bool
    package var phase: Phase

    package init(job: UInt64, owner: String, sealsWhenComplete: Bool, phase: Phase) {
        self.job = job
        self.owner = owner
        self.sealsWhenComplete = sealsWhenComplete
        self.phase = phase
    }

    package enum Phase: String, Hashable, Sendable {
        /// Images are still to come.
        case open
        /// The master was told that it is complete.
        case sealed
        /// It was cancelled, or the master gave it up.
        case ended
    }
}

/// An image of such a job.
package struct FedImage: Hashable, Sendable {
    package let ordinal: Int
    package let name: String
    package let upload: String
    package let position: UInt32?
    package let isAdded: Bool
}

/// What the uploads of a job add up to.
package struct UploadTotals: Hashable, Sendable {
    package let expected: Int
    package let received: Int
    package let added: Int
    package let rejected: Int
    package let bytesExpected: UInt64
    package let bytesReceived: UInt64
}

extension WebStore {
    /// Stores a job with its first images, the uploads that it promises, and the answer to repeat, all in one.
    ///
    /// - Parameters:
    ///   - images: the name and the upload of each image.
    ///   - promised: the uploads that are new.
    ///   - notify: webhooks that are told of it.
    /// - Returns: whether it is new: a request that is repeated after a crash finds it.
    package func insertJob(
        _ job: FedJob, images: [(name: String, upload: String)], promised: [UploadRecord], notify: [String] = []
    ) throws -> Bool {
        try write { connection in
            let present = try connection.rows("SELECT 1 FROM job WHERE job = ?", SQLiteValue(job.job)) { _ in true }
            guard present.isEmpty else { return false }
            try connection.run(
                "INSERT INTO job (job, owner, seals, phase) VALUES (?, ?, ?, ?)", SQLiteValue(job.job),
                .text(job.owner), SQLiteValue(job.sealsWhenComplete), .text(job.phase.rawValue))
            for upload in promised { try Self.insert(upload, connection) }
            try Self.insert(images, into: job.job, from: 0, connection)
            try Self.insertNotifications(notify, of: job.job, connection)
            return true
        }
    }

    /// Adds images to a job that is open.
    /// - Returns: the ordinal of the first; `nil` when the job is not open.
    package func insertImages(
        _ images: [(name: String, upload: String)], promised: [UploadRecord], into job: UInt64
    ) throws -> Int? {
        try write { connection in
            let open = try connection.rows(
                "SELECT (SELECT count(*) FROM job_image WHERE job = ?1) FROM job WHERE job = ?1 AND phase = 'open'",
                SQLiteValue(job)
            ) { Int($0.count(at: 0) ?? 0) }
            guard let first = open.first else { return nil }
            for upload in promised { try Self.insert(upload, connection) }
            try Self.insert(images, into: job, from: first, connection)
            return first
        }
    }

    private static func insert(
        _ images: [(name: String, upload: String)], into job: UInt64, from first: Int, _ connection: Connection
    ) throws {
        for (index, image) in images.enumerated() {
            try connection.run(
                "INSERT INTO job_image (job, ordinal, name, upload) VALUES (?, ?, ?, ?)", SQLiteValue(job),
                SQLiteValue(first + index), .text(image.name), .text(image.upload))
        }
        try noteArrivals(in: job, from: first, connection)
    }

    package func fedJob(_ job: UInt64) throws -> FedJob? {
        try read { connection in
            try connection.rows(
                "SELECT job, owner, seals, phase FROM job WHERE job = ?", SQLiteValue(job), row: Self.fedJob
            ).first
        }
    }

    package func openJobs() throws -> [FedJob] {
        try read { connection in
            try connection.rows("SELECT job, owner, seals, phase FROM job WHERE phase = 'open'", row: Self.fedJob)
        }
    }

    package func setPhase(_ phase: FedJob.Phase, of job: UInt64) throws {
        try write {
            try $0.run("UPDATE job SET phase = ? WHERE job = ?", .text(phase.rawValue), SQLiteValue(job))
        }
    }

    package func requestSeal(of job: UInt64) throws {
        try write { try $0.run("UPDATE job SET seals = 1 WHERE job = ?", SQLiteValue(job)) }
    }

    package func forgetJob(_ job: UInt64) throws {
        try write { try $0.run("DELETE FROM job WHERE job = ?", SQLiteValue(job)) }
    }

    // MARK: Images

    /// The images of a job in the order of their promise.
    package func images(of job: UInt64) throws -> [FedImage] {
        try read { connection in
            try connection.rows(
                "SELECT ordinal, name, upload, position, added FROM job_image WHERE job = ? ORDER BY ordinal",
                SQLiteValue(job), row: Self.fedImage)
        }
    }

    /// The jobs that an upload is for, which are still open.
    package func openJobs(of upload: String) throws -> [UInt64] {
        try read { connection in
            try connection.rows(
                "SELECT DISTINCT job FROM job_image JOIN job USING (job) WHERE upload = ? AND phase = 'open'",
                .text(upload)
            ) { $0.count(at: 0) ?? 0 }
        }
    }

    /// The job and the position of an upload, if a job has it.
    package func place(of upload: String) throws -> (job: UInt64, position: UInt32?)? {
        try read { connection in
            try connection.rows(
                "SELECT job, position FROM job_image WHERE upload = ? ORDER BY job LIMIT 1", .text(upload)
            ) { ($0.count(at: 0) ?? 0, $0.count(at: 1).map { UInt32(clamping: $0) }) }.first
        }
    }

    /// Whether an image of an open job has its position and is not yet at the master.
    package func isBeingAdded(_ upload: String) throws -> Bool {
        try read { connection in
            try !connection.rows(
                """
                SELECT 1 FROM job_image JOIN job USING (job)
                WHERE upload = ? AND position IS NOT NULL AND NOT added AND job.phase = 'open' LIMIT 1
                """, .text(upload)
            ) { _ in true }.isEmpty
        }
    }

    /// The upload of an image, while it is kept.
    package func source(of image: ImageName) throws -> UploadRecord? {
        try read { connection in
            let ids = try connection.rows(
                "SELECT upload FROM job_image WHERE job = ? AND position = ?", SQLiteValue(image.job),
                .integer(Int64(image.index))
            ) { $0.text(at: 0) ?? "" }
            guard let id = ids.first else { return nil }
            return try Self.upload(id, connection)
        }
    }

    /// Positions of a job whose originals are kept.
    package func keptSources(of job: UInt64, in range: ClosedRange<UInt32>) throws -> Set<UInt32> {
        try read { connection in
            Set(
                try connection.rows(
                    """
                    SELECT position FROM job_image JOIN upload ON upload.id = job_image.upload
                    WHERE job = ? AND position BETWEEN ? AND ? AND upload.phase = 'complete'
                    """, SQLiteValue(job), .integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound))
                ) { UInt32(clamping: $0.count(at: 0) ?? 0) })
        }
    }

    /// Those of `jobs` that were submitted through the gateway, each with what its uploads add up to.
    package func totals(of jobs: [UInt64]) throws -> [UInt64: (job: FedJob, uploads: UploadTotals)] {
        let list = "[\(jobs.map(String.init).joined(separator: ","))]"
        return try read { connection in
            let rows = try connection.rows(
                """
                SELECT job.job, job.owner, seals, job.phase, count(ordinal),
                    sum(coalesce(upload.phase = 'complete', added)), sum(added),
                    sum(NOT added AND (upload.id IS NULL OR upload.phase = 'rejected')),
                    sum(coalesce(upload.byte_count, upload.offset, 0)), sum(coalesce(upload.offset, 0))
                FROM job LEFT JOIN job_image USING (job) LEFT JOIN upload ON upload.id = job_image.upload
                WHERE job.job IN (SELECT value FROM json_each(?)) GROUP BY job.job
                """, .text(list)
            ) { row in
                (
                    job: Self.fedJob(row),
                    uploads: UploadTotals(
                        expected: Int(row.count(at: 4) ?? 0), received: Int(row.count(at: 5) ?? 0),
                        added: Int(row.count(at: 6) ?? 0), rejected: Int(row.count(at: 7) ?? 0),
                        bytesExpected: row.count(at: 8) ?? 0, bytesReceived: row.count(at: 9) ?? 0)
                )
            }
            return Dictionary(uniqueKeysWithValues: rows.map { ($0.job.job, $0) })
        }
    }

    /// The uploads of a job behind the ordinal `after`, in the order of their promise.
    package func uploads(
        of job: UInt64, phase: String?, after: Int64, limit: Int
    ) throws -> [(upload: UploadRecord, image: FedImage)] {
        try read { connection in
            try connection.rows(
                """
                SELECT \(Self.columns.split(separator: ", ").map { "upload.\($0)" }.joined(separator: ", ")
                    .replacing("upload.code || ' ' || detail", with: "upload.code || ' ' || upload.detail")),
                    ordinal, job_image.name, upload, position, added
                FROM job_image JOIN upload ON upload.id = job_image.upload
                WHERE job = ? AND (?2 IS NULL OR upload.phase = ?2) AND ordinal > ? ORDER BY ordinal LIMIT ?
                """, SQLiteValue(job), SQLiteValue(phase), .integer(after), SQLiteValue(limit)
            ) { (Self.record($0), Self.fedImage($0, from: 13)) }
        }
    }

    static func fedJob(_ row: Statement) -> FedJob {
        FedJob(
            job: row.count(at: 0) ?? 0, owner: row.text(at: 1) ?? "", sealsWhenComplete: row.integer(at: 2) == 1,
            phase: row.text(at: 3).flatMap { FedJob.Phase(rawValue: $0) } ?? .ended)
    }

    static func fedImage(_ row: Statement) -> FedImage { fedImage(row, from: 0) }

    private static func fedImage(_ row: Statement, from first: Int32) -> FedImage {
        FedImage(
            ordinal: Int(row.count(at: first) ?? 0), name: row.text(at: first + 1) ?? "",
            upload: row.text(at: first + 2) ?? "", position: row.count(at: first + 3).map { UInt32(clamping: $0) },
            isAdded: row.integer(at: first + 4) == 1)
    }
}
