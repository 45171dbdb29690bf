import JobModel
import SeededRandom

/// The journal as a disk that remembers only what was synced.
///
///     durable transactions | the one under way: written, perhaps not on the disk
///
/// A crash keeps the transaction under way, loses it, or tears it: then a prefix of its records is on the disk, without
/// the mark that ends a transaction, and recovery leaves it out.
struct JournalDisk {
    private(set) var transactions: [[Record]] = []
    /// How many of `transactions` are on the disk for certain.
    private(set) var syncedCount = 0
    private(set) var recordCount = 0

    mutating func write(_ records: [Record]) {
        transactions.append(records)
        recordCount += records.count
    }

    mutating func sync() {
        syncedCount = transactions.count
    }

    /// The process dies.
    mutating func crash(using random: inout SeededGenerator, keepsTornPrefix: Bool) {
        guard transactions.count > syncedCount else { return }
        let survivors = random.draw(syncedCount...transactions.count)
        let torn = survivors < transactions.count ? transactions[survivors] : []
        transactions.removeLast(transactions.count - survivors)
        if keepsTornPrefix && torn.count > 1 {
            transactions.append(Array(torn.prefix(random.draw(1...(torn.count - 1)))))
        }
        recordCount = transactions.reduce(0) { $0 + $1.count }
        sync()
    }
}
