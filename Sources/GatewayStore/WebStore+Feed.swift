import GatewayLogic
import SQLite

/// What the feeding of a job reads and notes. No statement reads all images of a job: a job has up to 100,000, and each of their
/// uploads wakes its feeder.
extension WebStore {
    /// What is to be done for a job, and the images that it is about; `nil` when the job is not open.
    package func feed(of job: UInt64) throws -> (feed: JobFeed, images: [Int: FedImage])? {
        try read { connection in
            let id = SQLiteValue(job)
            let fed = try connection.rows(
                "SELECT job, owner, seals, phase FROM job WHERE job = ? AND phase = 'open'", id, row: Self.fedJob)
            guard let fed = fed.first else { return nil }
            let images = "SELECT ordinal, name, upload, position, added FROM job_image WHERE job = ? AND"
            let placed = try connection.rows(
                "\(images) position IS NOT NULL AND added = 0 ORDER BY position LIMIT \(JobFeed.batchCount)", id,
                row: Self.fedImage)
            // Positions have no gaps, and images are added in their order.
            let positions = try connection.rows("SELECT max(position) FROM job_image WHERE job = ?", id) {
                $0.count(at: 0).map { UInt32(clamping: $0 + 1) } ?? 0
            }
            let arrived = try connection.rows(
                "\(images) arrival > 0 AND position IS NULL ORDER BY arrival, ordinal LIMIT \(JobFeed.batchCount)", id,
                row: Self.fedImage)
            let awaited = try connection.rows(
                "SELECT 1 FROM job_image WHERE job = ? AND arrival IS NULL AND position IS NULL LIMIT 1", id
            ) { _ in true }
            let feed = JobFeed(
                addedCount: placed.first?.position ?? positions.first ?? 0, placed: placed.map(\.ordinal),
                arrived: arrived.map(\.ordinal), awaitsMore: !awaited.isEmpty,
                sealsWhenComplete: fed.sealsWhenComplete)
            return (feed, Dictionary(uniqueKeysWithValues: (placed + arrived).map { ($0.ordinal, $0) }))
        }
    }

    package func setPositions(_ places: [(ordinal: Int, position: UInt32)], of job: UInt64) throws {
        try write { connection in
            for (ordinal, position) in places {
                try connection.run(
                    "UPDATE job_image SET position = ? WHERE job = ? AND ordinal = ?", .integer(Int64(position)),
                    SQLiteValue(job), SQLiteValue(ordinal))
            }
        }
    }

    /// Notes that the master has these images. It does not wait for the disk: where a loss of power undoes it, they are added
    /// once more at their positions, which changes nothing.
    package func setAdded(_ ordinals: [Int], of job: UInt64) throws {
        try writeWithoutWaiting { connection in
            for ordinal in ordinals {
                try connection.run(
                    "UPDATE job_image SET added = 1 WHERE job = ? AND ordinal = ?", SQLiteValue(job),
                    SQLiteValue(ordinal))
            }
        }
    }

    // MARK: Arrivals

    /// An image's arrival: `NULL` while its upload is awaited, 0 when it will not come, else the number of the completion.
    private static let arrival = """
        CASE WHEN NOT EXISTS (SELECT 1 FROM upload WHERE id = job_image.upload) THEN 0
            ELSE (SELECT CASE phase WHEN 'complete' THEN completed WHEN 'rejected' THEN 0 END
                FROM upload WHERE id = job_image.upload) END
        """

    /// An upload ended, or is gone: notes it at the images that it is for.
    static func noteArrival(of upload: String, _ connection: Connection) throws {
        try connection.run("UPDATE job_image SET arrival = \(arrival) WHERE upload = ?", .text(upload))
    }

    /// Images are new: their uploads may have ended before.
    static func noteArrivals(in job: UInt64, from first: Int, _ connection: Connection) throws {
        try connection.run(
            "UPDATE job_image SET arrival = \(arrival) WHERE job = ? AND ordinal >= ?", SQLiteValue(job),
            SQLiteValue(first))
    }
}
