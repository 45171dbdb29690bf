/// The daemons of a private cluster, in the order in which they start.
package enum DaemonRole: String, CaseIterable, Hashable, Sendable {
    case master, worker, web

    /// The program's name, beside `tessera`.
    package var program: String { "tessera-\(rawValue)" }

    /// What it is for a person.
    package var title: String {
        switch self {
        case .master: "master"
        case .worker: "worker"
        case .web: "page"
        }
    }
}
