import JobModel
import Protocol
import Synchronization
import TestSupport

/// Recognises the phases of one job by the frames that pass between client, workers and master.
final class PhaseWatch: Sendable {
    enum Link: Sendable, Hashable {
        case client
        case worker(Int)
    }

    /// The frames of a phase at which something can happen.
    enum Aim: String, Sendable {
        case openJob, jobOpened, putImage, imageBytes, imageStored, addImages, sealJob
        case decodeGranted, getImage, imageFetched, putBand, bandBytes, bandStored, bandPublished
        case chunkGranted, getRows, rowsFetched
        case putSegment, segmentBytes, segmentStored, chunkFinished, chunkAcknowledged
        case lastAcknowledged
        case imageListed, getResult, resultHeader, resultBytes, resultEnd

        static func of(_ phase: FaultCell.Phase) -> [Aim] {
            switch phase {
            case .upload: [.openJob, .jobOpened, .putImage, .imageBytes, .imageStored, .addImages, .sealJob]
            case .decode:
                [.decodeGranted, .getImage, .imageFetched, .putBand, .bandBytes, .bandStored, .bandPublished]
            case .chunk: [.chunkGranted, .getRows, .rowsFetched]
            case .result: [.putSegment, .segmentBytes, .segmentStored, .chunkFinished, .chunkAcknowledged]
            case .assemble: [.lastAcknowledged]
            case .fetch: [.imageListed, .getResult, .resultHeader, .resultBytes, .resultEnd]
            }
        }
    }

    fileprivate struct State {
        var job: JobID?
        /// Workers that were granted the decoding, and those that were granted a chunk.
        var decoders: Set<Int> = []
        var computers: Set<Int> = []
        var isDecoded = false
        var finished: Set<WireTaskStep> = []
        /// The reports of chunks under way, and that of the last task.
        var reports: [Link: [UInt32: Bool]] = [:]
        var heartbeatCounts: [Int: Int] = [:]
        var reachedAt: Link?
        /// Once the phase is reached, what the next frame of a control connection suffers, and where.
        var second: (link: Link, direction: FlowDirection, fault: @Sendable (FrameSighting) -> Fault)?
        var hasSecondHappened = false
    }

    private let aim: Aim
    private let taskCount: Int
    private let reached: @Sendable (PhaseWatch, Link, FrameSighting) -> Fault?
    private let state = Mutex(State())

    /// - Parameters:
    ///   - taskCount: the tasks of the job.
    ///   - reached: called once, when the frame comes; it may block.
    init(_ aim: Aim, taskCount: Int, reached: @escaping @Sendable (PhaseWatch, Link, FrameSighting) -> Fault?) {
        self.aim = aim
        self.taskCount = taskCount
        self.reached = reached
    }

    var job: JobID? { state.withLock { $0.job } }
    var reachedAt: Link? { state.withLock { $0.reachedAt } }
    func heartbeatCount(of worker: Int) -> Int { state.withLock { $0.heartbeatCounts[worker] ?? 0 } }

    /// The next frame of a control connection suffers a fault.
    func strike(
        _ link: Link, _ direction: FlowDirection, _ fault: @escaping @Sendable (FrameSighting) -> Fault
    ) {
        state.withLock { $0.second = (link, direction, fault) }
    }

    var hasStruck: Bool { state.withLock { $0.hasSecondHappened } }

    /// A frame is about to pass.
    func saw(_ frame: FrameSighting, on link: Link) -> Fault? {
        let isIt = state.withLock { state -> Bool in
            let aim = state.recognise(frame, on: link, taskCount: taskCount)
            guard let aim, aim.contains(self.aim), state.reachedAt == nil else { return false }
            state.reachedAt = link
            return true
        }
        if isIt { return reached(self, link, frame) }
        return state.withLock { state in
            guard let second = state.second, second.link == link, second.direction == frame.direction,
                frame.peer?.channel != .data, frame.message != nil
            else { return nil }
            state.second = nil
            state.hasSecondHappened = true
            return second.fault(frame)
        }
    }
}

extension PhaseWatch.State {
    /// Which frames of the job's life this one is.
    fileprivate mutating func recognise(
        _ frame: FrameSighting, on link: PhaseWatch.Link, taskCount: Int
    ) -> Set<PhaseWatch.Aim>? {
        switch link {
        case .client: recogniseClient(frame)
        case .worker(let number): recogniseWorker(frame, number, taskCount: taskCount)
        }
    }

    private mutating func recogniseClient(_ frame: FrameSighting) -> Set<PhaseWatch.Aim>? {
        switch (frame.message, frame.direction) {
        case (.openJob, _): return [.openJob]
        case (.jobOpened(let opened), _):
            job = JobID(opened.job)
            return [.jobOpened]
        case (.putBlob, _): return [.putImage]
        case (.blobStored, _): return [.imageStored]
        case (.addImages, _): return [.addImages]
        case (.sealJob, _): return [.sealJob]
        case (.imageList(let list), _) where list.images.contains { $0.state == "done" }: return [.imageListed]
        case (.getBlob, _): return [.getResult]
        case (.blobHeader, _): return [.resultHeader]
        case (.blobEnd, _): return [.resultEnd]
        case (nil, .toMaster) where frame.isData: return [.imageBytes]
        case (nil, .fromMaster) where frame.isData: return [.resultBytes]
        default: return nil
        }
    }

    private mutating func recogniseWorker(
        _ frame: FrameSighting, _ worker: Int, taskCount: Int
    ) -> Set<PhaseWatch.Aim>? {
        // The connection does not say for which lease it fetches and puts; what the worker was granted does.
        let isDecoder = decoders.contains(worker) && !isDecoded
        let isComputer = computers.contains(worker)
        switch (frame.message, frame.direction) {
        case (.heartbeat, _):
            heartbeatCounts[worker, default: 0] += 1
            return nil
        case (.grantLease(let grant), _):
            switch grant.lease.step.kind {
            case .decode:
                decoders.insert(worker)
                return [.decodeGranted]
            case .chunk:
                computers.insert(worker)
                return [.chunkGranted]
            default: return nil
            }
        case (.bandPublished, _): return [.bandPublished]
        case (.taskFinished(let report), _):
            finished.insert(report.lease.step)
            let isLast = finished.count == taskCount
            if case .decode = report.lease.step.kind { isDecoded = true }
            guard case .chunk = report.lease.step.kind else { return nil }
            reports[.worker(worker), default: [:]][frame.stream] = isLast
            return [.chunkFinished]
        case (.done, .fromMaster):
            guard let isLast = reports[.worker(worker)]?.removeValue(forKey: frame.stream) else { return nil }
            return isLast ? [.lastAcknowledged, .chunkAcknowledged] : [.chunkAcknowledged]
        case (.getBlob, _): return isComputer ? [.getRows] : isDecoder ? [.getImage] : nil
        case (.putBlob, _): return isDecoder ? [.putBand] : isComputer ? [.putSegment] : nil
        case (.blobStored, _): return isDecoder ? [.bandStored] : isComputer ? [.segmentStored] : nil
        case (nil, .toMaster) where frame.isData: return isDecoder ? [.bandBytes] : isComputer ? [.segmentBytes] : nil
        case (nil, .fromMaster) where frame.isData:
            return isComputer ? [.rowsFetched] : isDecoder ? [.imageFetched] : nil
        default: return nil
        }
    }
}
