/// Bounds of webhooks.
package enum WebhookLimits {
    package static let perOwner = 20
    package static let inAll = 500
    /// Messages of one webhook that wait; the oldest gives way to the next.
    package static let waiting = 1000
    /// Messages of one webhook that have ended and are still shown.
    package static let ended = 500
    /// Attempts under way at a time, of all webhooks; one webhook has one.
    package static let concurrent = 16
    /// Those of one owner.
    package static let concurrentOfOwner = 4
    /// Webhooks that a job may name.
    package static let perJob = 10
    /// The secret that was replaced signs, too, for that long, in milliseconds.
    package static let formerSecretAge: UInt64 = 86_400_000
    /// The time of one attempt, in seconds.
    package static let attemptSeconds = 10
    /// Bytes of an answer that are read.
    package static let answerByteCount = 64 << 10
}
