import Synchronization

/// Decoded images by a key, the ones that were used last.
final class PictureCache: Sendable {
    private struct State {
        var pictures: [String: DecodedPicture] = [:]
        /// Keys, the one that was used last at the end.
        var order: [String] = []
        var byteCount = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: bytes of pixels that are kept.
    init(limit: Int) { self.limit = limit }

    subscript(_ key: String) -> DecodedPicture? {
        state.withLock { state in
            guard let picture = state.pictures[key] else { return nil }
            state.order.removeAll { $0 == key }
            state.order.append(key)
            return picture
        }
    }

    func keep(_ picture: DecodedPicture, as key: String) {
        state.withLock { state in
            guard state.pictures.updateValue(picture, forKey: key) == nil else { return }
            state.order.append(key)
            state.byteCount += picture.pixels.count
            while state.byteCount > limit, let first = state.order.first {
                state.order.removeFirst()
                state.byteCount -= state.pictures.removeValue(forKey: first)?.pixels.count ?? 0
            }
        }
    }
}
