import ImagingModel
import JobModel
import Pipelines
import Scheduler

extension Simulation {
    private static var clientPatience: Duration { .seconds(4) }
    /// One pipeline for small images, the others for large ones: stencils, and one that needs the whole image.
    private static var pipelines: [String] { ["invert", "gaussian-blur sigma=2", "median | otsu", "sharpen | rotate"] }

    func makeClient(_ number: Int) -> SimulatedClient {
        // Some clients are the same submission made twice.
        if number > 0, random.happens(onceIn: 4) {
            let twin = clients[number - 1]
            // Or the token of another submitter, who knows nothing of the first.
            if storeRandom.happens(onceIn: 3) {
                var opening = twin.opening
                opening.submitter = "another \(opening.submitter)"
                return SimulatedClient(
                    number: number, opening: opening, offers: twin.offers, vanishesAfter: nil, cancels: false)
            }
            return SimulatedClient(
                number: number, opening: twin.opening, offers: twin.offers, vanishesAfter: nil, cancels: false)
        }
        let opening = JobOpening(
            token: "token-\(number)", submitter: "submitter-\(random.draw(0...2))",
            priority: Int32(random.draw(-1...1)),
            pipeline: Self.pipelines[random.draw(0...(Self.pipelines.count - 1))] + drawAttachment(number),
            options: JobOptions(chunkByteCount: 1 << 18, auditShare: options.auditShare))
        // One image of little room may take no more stages than two.
        let drawsFormats = room.rowRoom == nil && formatRandom.happens(onceIn: 3)
        let offers = (0..<random.draw(1...options.maximumImages)).map { index in
            let isShared = random.happens(onceIn: options.sharedEvery)
            // Shared inputs have few shapes: one file has one.
            let largeHeight = isShared ? 700 : random.draw(300...1_500)
            let height = random.happens(onceIn: 4) ? largeHeight : 64
            return ImageOffer(
                name: "image \(index)",
                input: .named(isShared ? "shared input \(height)" : "input \(number).\(index)", byteCount: 500),
                admission: .accepted(
                    ImageGeometry(width: 1_024, height: UInt32(height), channelCount: 1, bitsPerSample: 8),
                    coding: drawsFormats ? drawCoding() : .standard,
                    pieces: drawsFormats && height > 256 ? drawPieces() : nil))
        }
        var client = SimulatedClient(
            number: number, opening: opening, offers: offers,
            vanishesAfter: random.happens(onceIn: 8) ? random.draw(0...2) : nil,
            cancels: random.happens(onceIn: 8))
        client.staysConnected = room.hasSilentClients && roomRandom.happens(onceIn: 2)
        return client
    }

    /// What some pipelines put over their images: a picture of their own, or one that jobs share.
    private func drawAttachment(_ number: Int) -> String {
        guard attachmentRandom.happens(onceIn: 4) else { return "" }
        let isShared = attachmentRandom.happens(onceIn: 3)
        let picture = BlobReference.named(isShared ? "shared picture" : "picture \(number)", byteCount: 300)
        return " | overlay image=\(AttachedImage.Content(picture))"
    }

    /// What is known of the pieces of a file that is read by these.
    private func drawPieces() -> PieceFacts? {
        guard formatRandom.happens(onceIn: 2) else { return nil }
        return PieceFacts(count: 24, rowsPerBand: 64, largestBandByteCount: 64 << 10)
    }

    /// How a file is read and its result written: rows in blocks, all of them in one segment, another page, turned.
    private func drawCoding() -> ImageCoding {
        switch formatRandom.draw(0...4) {
        case 0: ImageCoding(encoding: "jpeg quality=\(formatRandom.draw(90...91))", rowsPerBlock: 16)
        case 1: ImageCoding(encoding: "webp", segmentByteCount: UInt64(Int64.max))
        case 2: ImageCoding(decoding: "page=2")
        case 3: ImageCoding(orientation: 6)
        default: .standard
        }
    }

    func handle(_ happening: ClientEvent, at number: Int) {
        switch happening {
        case .connects: connectClient(number)
        case .cancels:
            guard let job = clients[number].acknowledged else { return }
            clients[number].step = .cancelling(job)
            observer.cancelRequested.insert(job)
            connectClient(number)
        }
    }

    /// Says the present step on a new connection, and looks again later whether it was answered.
    private func connectClient(_ number: Int) {
        let client = clients[number]
        guard client.step != .finished, client.step != .gone else { return }
        if client.vanishesAfter == client.stepsTaken {
            if let connection = client.connection, !client.staysConnected { closeAtPeer(connection) }
            clients[number].step = .gone
            return
        }
        let lookAgain = Self.clientPatience + delay()
        guard client.comesBack <= timeline.now else {
            timeline.arrange(.client(number, .connects), after: lookAgain)
            return
        }
        if let connection = client.connection { closeAtPeer(connection) }
        clients[number].connection = nil
        let peer = Network.Peer.client(number)
        guard let master, master.pausedUntil <= timeline.now, network.isReachable(peer, at: timeline.now) else {
            let verdict = clients[number].retries.failed(.absent, at: timeline.now - .zero, using: &random)
            guard case .wait(let pause) = verdict else {
                return violate(.clients, "client \(number) gives its master up")
            }
            timeline.arrange(.client(number, .connects), after: pause)
            return
        }
        clients[number].retries.succeeded()
        timeline.arrange(.client(number, .connects), after: lookAgain)
        let connection = network.open(peer, masterRun: master.run, peerRun: 0)
        clients[number].connection = connection
        say(clients[number], on: connection)
        // Said twice: the answers must be the same.
        if isFaulty && random.happens(onceIn: 5) { say(clients[number], on: connection) }
    }

    private func say(_ client: SimulatedClient, on connection: Int) {
        switch client.step {
        case .opening: sendToMaster(.openJob(client.opening), on: connection)
        case .uploading(let job):
            sendToMaster(.upload(job, client.opening.attachments + client.offers.map(\.input)), on: connection)
        case .adding(let job): sendToMaster(.addImages(job, client.offers), on: connection)
        case .sealing(let job): sendToMaster(.sealJob(job, count: UInt32(client.offers.count)), on: connection)
        case .cancelling(let job): sendToMaster(.cancelJob(job), on: connection)
        case .finished, .gone: break
        }
    }

    func clientHears(_ number: Int, _ mail: ClientMail, on connection: Int) {
        guard clients[number].connection == connection, network[connection].isOpenAtPeer else { return }
        let next: SimulatedClient.Step
        switch (mail, clients[number].step) {
        case (.closed, _):
            network[connection].isOpenAtPeer = false
            clients[number].connection = nil
            return
        case (.opened(let job), .opening):
            if !isToReplaced(connection) { observer.opened(job, clients[number].opening, report: violate) }
            next = .uploading(job)
        case (.uploaded, .uploading(let job)): next = .adding(job)
        case (.blobsMissing, .adding(let job)): next = .uploading(job)
        case (.added, .adding(let job)): next = .sealing(job)
        case (.sealed, .sealing(let job)):
            clients[number].acknowledged = job
            if !isToReplaced(connection) { observer.acknowledged.insert(job) }
            trace.note("acknowledged job", Int(job.rawValue), at: timeline.now)
            if clients[number].cancels {
                timeline.arrange(.client(number, .cancels), after: random.draw(.milliseconds(1) ... .seconds(10)))
            }
            next = .finished
        case (.cancelled, .cancelling): next = .finished
        case (.retryLater(let pause), _):
            trace.note("told to come back later, client", number, at: timeline.now)
            if pause <= .zero || pause > .seconds(60) { violate(.clients, "a client is told to wait for \(pause)") }
            var retries = clients[number].retries
            let verdict = retries.failed(.passing, retryAfter: pause, at: timeline.now - .zero, using: &random)
            guard case .wait(let drawnOut) = verdict else { return violate(.clients, "client \(number) does not wait") }
            clients[number].comesBack = timeline.now + drawnOut
            return
        case (.refused, .opening):
            violate(.clients, "client \(number) was refused its job")
            return
        case (.refused, _): next = .gone
        default:
            // The answer to what was said twice.
            return
        }
        clients[number].step = next
        clients[number].stepsTaken += 1
        if clients[number].vanishesAfter == clients[number].stepsTaken { clients[number].step = .gone }
        switch clients[number].step {
        case .gone where clients[number].staysConnected:
            trace.note("says nothing more, client", number, at: timeline.now)
        case .finished, .gone: closeAtPeer(connection)
        case .opening, .uploading, .adding, .sealing, .cancelling: say(clients[number], on: connection)
        }
    }
}
