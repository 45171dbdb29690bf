import GatewayStore
import Logging

/// All that tells webhooks of jobs.
struct WebhookDesk: Sendable {
    let sender: WebhookSender
    let submissions = SubmissionsUnderWay()
    /// The address of the page, without a slash at its end.
    let page: String
    private let observer: JobObserver

    /// - Throws: when the certificates of the settings cannot be used.
    init(_ settings: WebhookSettings, store: WebStore, link: MasterLink, page: String, logger: Logger) throws {
        let post = WebhookPost(reach: settings.reach, tls: try settings.tlsContext())
        sender = WebhookSender(store: store, post: post, schedule: settings.schedule, logger: logger)
        self.page = page
        observer = JobObserver(
            store: store, link: link, submissions: submissions, sender: sender, page: page, logger: logger)
    }

    /// Observes and sends until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await observer.run() }
            group.addTask { await sender.run() }
        }
    }
}
