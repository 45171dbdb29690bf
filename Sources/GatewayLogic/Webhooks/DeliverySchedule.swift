/// When a message of a webhook is sent again, and when it is given up. Performs no I/O, reads no clock, draws no random numbers.
///
/// ```
///  waiting --2xx--> delivered
///     |  \--410--> failed, and the webhook is disabled
///     +--anything else--> waiting, later ... --after the last pause--> failed
/// ```
package struct DeliverySchedule: Hashable, Sendable {
    /// Seconds before each attempt but the first: 75 hours in all, as Standard Webhooks recommends.
    package static let standard: [UInt64] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    /// The longest pause that a receiver may ask for, in milliseconds.
    package static let longestPause: UInt64 = 86_400_000

    /// Milliseconds before each attempt but the first.
    package let pauses: [UInt64]

    package init(pauses: [UInt64] = standard.map { $0 * 1000 }) { self.pauses = pauses }

    /// What became of one attempt.
    package enum Outcome: Hashable, Sendable {
        /// - retryAfter: seconds that the receiver asks to wait.
        case answered(status: Int, retryAfter: UInt64?)
        /// No answer: the connection failed, was refused by the rules for addresses, or took too long.
        case unanswered
    }

    package enum Verdict: Hashable, Sendable {
        case delivered
        /// Milliseconds until the next attempt.
        case retry(after: UInt64)
        case giveUp(Reason)
    }

    /// Why a message is not sent again.
    package enum Reason: String, Hashable, Sendable {
        /// The receiver answered 410.
        case gone
        /// The last attempt failed.
        case exhausted

        /// Whether the webhook gets no more messages until somebody enables it again.
        ///
        /// A receiver that refuses one message and takes others is not down: it keeps its webhook.
        /// - Parameter lastDeliveredAt: when a message of the webhook was delivered last; both in milliseconds since 1970.
        package func disables(messageOf madeAt: UInt64, lastDeliveredAt: UInt64?) -> Bool {
            switch self {
            case .gone: true
            case .exhausted: lastDeliveredAt.map { $0 < madeAt } ?? true
            }
        }
    }

    /// - Parameters:
    ///   - attempt: the number of the attempt that ended, from 1.
    ///   - jitter: from 0 to 1: messages that failed together do not return together.
    package func verdict(on outcome: Outcome, attempt: Int, jitter: Double) -> Verdict {
        var asked: UInt64 = 0
        if case .answered(let status, let retryAfter) = outcome {
            if (200..<300).contains(status) { return .delivered }
            if status == 410 { return .giveUp(.gone) }
            asked = min(retryAfter ?? 0, Self.longestPause / 1000) * 1000
        }
        guard pauses.indices.contains(attempt - 1) else { return .giveUp(.exhausted) }
        // Never earlier than the schedule, nor than what was asked for.
        let pause = max(pauses[attempt - 1], asked)
        return .retry(after: pause + UInt64(Double(pause) * 0.1 * min(max(jitter, 0), 1)))
    }
}
