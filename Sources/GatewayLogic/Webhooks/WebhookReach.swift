/// The addresses that webhooks may send to.
package struct WebhookReach: Hashable, Sendable {
    /// Blocks that the operator allows, besides the addresses of the internet.
    package let allowed: [AddressBlock]

    package init(allowed: [AddressBlock] = []) { self.allowed = allowed }

    /// Why nothing is sent to a server.
    package enum Refusal: String, Error, Hashable, Sendable {
        case noAddress
        /// One of the server's addresses is not of the internet, and not allowed.
        case inside
        /// The target begins with http://, and one of its addresses is not allowed by name.
        case unencrypted

        /// For the owner of the webhook, who is not told the address: it may be an answer of a name server that is none of theirs.
        package var message: String {
            switch self {
            case .noAddress: "its host has no address"
            case .inside:
                "its host has an address that is not of the public internet; the operator of the gateway can allow it (webhook-allow)"
            case .unencrypted:
                "http:// is for addresses that the operator of the gateway allows (webhook-allow); use https://"
            }
        }
    }

    /// - Parameter addresses: all addresses that the host has, in bytes: it is refused for any one of them, or a name could choose.
    package func check(_ addresses: [[UInt8]], isEncrypted: Bool) throws(Refusal) {
        guard !addresses.isEmpty else { throw .noAddress }
        for address in addresses where !allowed.contains(where: { $0.contains(address) }) {
            guard AddressBlock.isPublic(address) else { throw .inside }
            guard isEncrypted else { throw .unencrypted }
        }
    }
}
