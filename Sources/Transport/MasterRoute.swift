import Synchronization

/// Which of a master's addresses is used at present: the same for all connections of a process.
///
/// Control connections find the address, data connections follow.
final class MasterRoute: Sendable {
    let addresses: MasterAddresses
    private let position = Mutex(0)

    init(_ addresses: MasterAddresses) { self.addresses = addresses }

    /// Where the master was found last, or is looked for next.
    var current: Endpoint { addresses.all[position.withLock { $0 }] }

    /// All addresses, the present one first.
    var order: [Endpoint] {
        let first = position.withLock { $0 }
        return Array(addresses.all[first...] + addresses.all[..<first])
    }

    func found(at endpoint: Endpoint) {
        guard let index = addresses.all.firstIndex(of: endpoint) else { return }
        position.withLock { $0 = index }
    }

    /// There is no master to talk to at the address, or the attempt was given up: the next one is looked at first.
    func failed(at endpoint: Endpoint) {
        guard let index = addresses.all.firstIndex(of: endpoint) else { return }
        position.withLock { position in
            // Another attempt may have found the master since.
            if position == index { position = (index + 1) % addresses.all.count }
        }
    }
}
