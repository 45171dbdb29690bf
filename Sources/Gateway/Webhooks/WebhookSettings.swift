import GatewayLogic
import Settings
import TLS

/// How webhooks are sent.
struct WebhookSettings: Sendable {
    /// `DeliverySchedule.standard`, for a person.
    static let usualPauses = "5s,5m,30m,2h,5h,10h,14h,20h,24h"
    private static let pauseCount = 1...20

    let reach: WebhookReach
    let schedule: DeliverySchedule
    let authorities: TLSContext.Authorities

    init(_ settings: Settings) throws {
        reach = WebhookReach(allowed: try GatewaySettings.blocks(settings, "webhook-allow"))
        authorities = settings.text("webhook-ca-file").map { .file($0) } ?? .ofSystem
        let words = GatewaySettings.list(try settings.requiredText("webhook-pauses"))
        let bounds: ClosedRange<Duration> = .seconds(1) ... .seconds(7 * 86_400)
        let pauses = words.compactMap { Settings.duration($0) }.filter(bounds.contains)
        guard pauses.count == words.count, Self.pauseCount.contains(words.count) else {
            throw settings.invalid(
                "webhook-pauses", words.joined(separator: ","),
                allowed:
                    "\(Self.pauseCount.lowerBound) to \(Self.pauseCount.upperBound) times from 1s to 7d, separated by commas"
            )
        }
        schedule = DeliverySchedule(pauses: pauses.map { UInt64($0 / .milliseconds(1)) })
    }

    /// - Throws: when the file of certificates cannot be used.
    func tlsContext() throws -> TLSContext {
        do {
            return try TLSContext(verifyingBy: authorities)
        } catch {
            guard case .file(let path) = authorities else { throw error }
            throw SettingsError.usage("--webhook-ca-file: \(path) cannot be used: \(error); it has certificates in PEM")
        }
    }
}
