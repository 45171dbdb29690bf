/// Whether a request was meant by the person whose browser sent it.
///
/// A browser adds the session's cookie to requests of any page, and resolves names as their owners say. So a name in
/// `Host` that is not ours is refused (DNS rebinding), and with a cookie every request that changes something has to come from
/// our own page, which browsers say in fields that pages cannot set (https://www.w3.org/TR/fetch-metadata/). A bearer token
/// is never sent unasked.
package struct OriginCheck: Hashable, Sendable {
    /// The names in `Host`, in lower case with their ports, that are ours.
    private let hosts: Set<String>

    package init(hosts: [String]) { self.hosts = Set(hosts.map { $0.lowercased() }) }

    package func checkHost(_ host: String?) throws(Problem) {
        guard let host, hosts.contains(host.lowercased()) else {
            throw Problem(
                403, "foreign-host",
                "the host '\((host ?? "").prefix(100))' is not one of this gateway's names; add it with --public-host")
        }
    }

    /// - Parameters:
    ///   - isSafe: whether the method changes nothing (GET, HEAD, OPTIONS).
    ///   - isSession: whether a cookie authorises the request, or the request sets or takes one.
    ///   - isBrowser: whether a browser may have sent it: only those do what a foreign page asks for.
    package func check(
        isSafe: Bool, isSession: Bool, fetchSite: String?, origin: String?, isBrowser: Bool = true
    ) throws(Problem) {
        guard isSession, isBrowser, !isSafe else { return }
        if let fetchSite {
            guard fetchSite != "same-origin" else { return }
        } else if let origin, let colon = origin.firstRange(of: "://") {
            guard !hosts.contains(origin[colon.upperBound...].lowercased()) else { return }
        }
        throw Problem(
            403, "cross-site",
            "a request that changes something and is signed in by a cookie has to come from the gateway's own page; programs "
                + "send 'Authorization: Bearer TOKEN'")
    }
}
