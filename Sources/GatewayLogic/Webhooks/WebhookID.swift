/// Names of webhooks, of their messages, and the text of their secrets.
package enum WebhookID {
    package static func new() -> String { RandomText.base32(byteCount: 10) }
    package static func isID(_ text: some StringProtocol) -> Bool { RandomText.isBase32(text, characterCount: 16) }

    package static func newMessage() -> String { "msg_" + RandomText.base32(byteCount: 15) }

    package static func text(ofSecret secret: [UInt8]) -> String { "whsec_" + Base64.text(secret) }

    /// What is signed of a message.
    package static func signedText(id: String, timestamp: UInt64, body: String) -> String {
        "\(id).\(timestamp).\(body)"
    }
}
