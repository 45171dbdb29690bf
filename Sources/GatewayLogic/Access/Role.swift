/// What a person or a program may do; each role has the rights of those before it.
package enum Role: String, Hashable, Sendable, CaseIterable, Comparable {
    case viewer, submitter, `operator`, admin

    package static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .submitter: 1
        case .operator: 2
        case .admin: 3
        }
    }
}

/// The sender of a request.
package struct Caller: Hashable, Sendable {
    /// The token's name, which is the submitter of its jobs.
    package let name: String
    package let role: Role
    package let tokenID: String
    /// Whether a cookie, which browsers add by themselves, said so.
    package let isSession: Bool
    /// Milliseconds since 1970.
    package let expiresAt: UInt64?

    package init(name: String, role: Role, tokenID: String, isSession: Bool, expiresAt: UInt64?) {
        self.name = name
        self.role = role
        self.tokenID = tokenID
        self.isSession = isSession
        self.expiresAt = expiresAt
    }

    /// - Throws: `role` when the caller has less than `least`.
    package func requires(_ least: Role, for what: String) throws(Problem) {
        guard role >= least else {
            throw Problem(
                403, "role",
                "\(what) needs the role \(least.rawValue), and '\(name)' is a \(role.rawValue); use a token with that role"
            )
        }
    }

    /// - Throws: `role` when the job is another's and the caller is not an operator.
    package func requires(own owner: String, for what: String) throws(Problem) {
        guard owner != name else { return }
        try requires(.operator, for: "\(what) of '\(owner)'")
    }
}
