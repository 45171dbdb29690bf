import Synchronization

/// Values by a key: the ones that were used last, up to a cost.
final class RecentValues<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        var value: Value
        var use: UInt64
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        /// Keys by their last use. Uses are numbered, so that an entry is found by its number; old numbers are passed over.
        var uses: [(use: UInt64, key: Key)] = []
        var firstUse = 0
        var cost = 0
        var lastUse: UInt64 = 0

        mutating func used(_ key: Key) {
            lastUse += 1
            entries[key]?.use = lastUse
            uses.append((lastUse, key))
        }
    }

    private let limit: Int
    private let cost: @Sendable (Value) -> Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: the cost of all values that are kept.
    ///   - cost: of one value.
    init(limit: Int, cost: @escaping @Sendable (Value) -> Int) {
        self.limit = limit
        self.cost = cost
    }

    subscript(_ key: Key) -> Value? {
        state.withLock { state in
            guard let entry = state.entries[key] else { return nil }
            state.used(key)
            compact(&state)
            return entry.value
        }
    }

    func keep(_ value: Value, as key: Key) {
        state.withLock { state in
            if let before = state.entries.updateValue(Entry(value: value, use: 0), forKey: key) {
                state.cost -= cost(before.value)
            }
            state.cost += cost(value)
            state.used(key)
            while state.cost > limit, state.firstUse < state.uses.count {
                let (use, oldest) = state.uses[state.firstUse]
                state.firstUse += 1
                guard let entry = state.entries[oldest], entry.use == use else { continue }
                state.entries[oldest] = nil
                state.cost -= cost(entry.value)
            }
            compact(&state)
        }
    }

    /// Forgets the numbers of uses that are not an entry's last.
    private func compact(_ state: inout State) {
        guard state.uses.count > 64, state.uses.count > 4 * state.entries.count else { return }
        let entries = state.entries
        state.uses = state.uses[state.firstUse...].filter { entries[$0.key]?.use == $0.use }
        state.firstUse = 0
    }
}

/// Decoded images.
typealias PictureCache = RecentValues<String, DecodedPicture>

extension PictureCache {
    /// - Parameter byteCount: of the pixels that are kept.
    convenience init(byteCount: Int) { self.init(limit: byteCount) { $0.pixels.count } }
}
