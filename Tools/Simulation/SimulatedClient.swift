import JobModel
import Retrying
import Scheduler

/// A client that submits one job: opens it, adds its images, seals it, and says all again on a new connection until each
/// step is acknowledged. It may be one of two with the same token, or vanish half-way.
struct SimulatedClient {
    enum Step: Equatable {
        case opening
        case uploading(JobID)
        case adding(JobID)
        case sealing(JobID)
        case cancelling(JobID)
        case finished
        /// It gave up, or was refused.
        case gone
    }

    let number: Int
    let opening: JobOpening
    let offers: [ImageOffer]
    /// The number of steps after which it goes away; `nil` for one that stays.
    let vanishesAfter: Int?
    let cancels: Bool
    /// It vanishes without closing its connection.
    var staysConnected = false
    var step = Step.opening
    var stepsTaken = 0
    var connection: Int?
    /// The master asked it to wait until then.
    var comesBack = Instant.zero
    var retries = Retries(.session(patience: nil, wasConnected: true))
    /// The master said that the job is accepted.
    var acknowledged: JobID?

    /// Its job, as far as it knows it.
    var job: JobID? {
        switch step {
        case .uploading(let job), .adding(let job), .sealing(let job), .cancelling(let job): job
        case .opening, .finished, .gone: acknowledged
        }
    }
}
