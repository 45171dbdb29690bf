import ClientKit
import GatewayLogic
import GatewayStore
import JSONText

/// What somebody made, and only they see in full.
protocol OwnedRecord: Sendable {
    /// The name of the token that made it.
    var owner: String { get }

    /// - Parameter isOwn: whether the reader made it.
    func json(isOwn: Bool) -> JSON
}

extension Gateway {
    /// A page of the caller's own records, or by `of=everybody` of all.
    ///
    /// - Parameters:
    ///   - name: of the list, in the plural.
    ///   - read: the records of an owner, or of all, behind a position, each with its own.
    func ownedList<Record: OwnedRecord>(
        _ name: String, _ call: Call,
        _ read: @escaping @Sendable (_ owner: String?, _ after: Int64, _ limit: Int) throws -> [(Record, Int64)]
    ) async throws -> HTTPReply {
        let caller = try call.known()
        let owner = try call.isOfEverybody("the \(name) of others") ? nil : caller.name
        let page = try PageRequest(call, cursors, list: "\(name) \(caller.name)", filters: ["of"])
        let found = try await offCooperativePool {
            try read(owner, Int64(clamping: page.position ?? 0), page.limit)
        }
        let next = found.count == page.limit ? found.last.map { UInt64(clamping: $0.1) } : nil
        return Self.list(found.map { $0.0.json(isOwn: $0.0.owner == caller.name) }, next: next.map(page.next))
    }
}

extension Gateway.Call {
    /// Whether a list is of everybody's items, by `of=everybody`; else of the caller's own.
    fileprivate func isOfEverybody(_ what: String) throws(Problem) -> Bool {
        guard let of = target.value("of"), !of.isEmpty else { return false }
        guard of == "everybody" else {
            throw Problem(422, "invalid-argument", "of=\(of.prefix(40)) is not allowed; it is everybody, or left out")
        }
        try known().requires(.operator, for: "seeing \(what)")
        return true
    }
}
