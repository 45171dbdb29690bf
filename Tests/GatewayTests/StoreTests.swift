import GatewayLogic
import GatewayStore
import Glibc
import SystemCalls
import Testing

/// What the gateway stores, over real files.
@Suite struct StoreTests {
    private let directory: OwnDirectory
    private let store: WebStore

    init() throws {
        directory = try OwnDirectory()
        store = try WebStore(path: directory.path + "/web.sqlite")
    }

    private func upload(_ name: String, _ byteCount: UInt64 = 10, owner: String = "ada") -> UploadRecord {
        UploadRecord(id: UploadRecord.newID(), owner: owner, name: name, byteCount: byteCount, touchedAt: 1000)
    }

    private func complete(_ upload: UploadRecord) throws {
        var upload = upload
        upload.offset = upload.byteCount ?? 0
        upload.phase = .complete(UploadedFile(digest: "00ff", width: 3, height: 4, format: "png"))
        #expect(try store.update(upload))
    }

    @Test func `a token is accepted until it expires or is revoked, and its sessions with it`() throws {
        let (record, text) = try store.createToken(name: "ada", role: .submitter, expiresAt: 5000, now: 0)
        let caller = try store.caller(token: text, now: 4999)
        #expect(caller.name == "ada")
        #expect(caller.role == .submitter)
        let cookie = try store.openSession(for: caller, now: 100)
        #expect(try store.caller(session: cookie, now: 200).isSession)
        #expect(throws: Problem.self) { try store.caller(token: text, now: 5000) }
        #expect(throws: Problem.self) { try store.caller(session: cookie, now: 5000) }
        #expect(throws: Problem.self) { try store.caller(token: cookie, now: 200) }
        #expect(throws: Problem.self) { try store.caller(session: text, now: 200) }
        #expect(try store.deleteToken(record.id))
        #expect(throws: Problem.self) { try store.caller(session: cookie, now: 200) }
        #expect(try !store.deleteToken(record.id))
    }

    @Test func `a session that is not used ends`() throws {
        let (_, text) = try store.createToken(name: "ada", role: .viewer, expiresAt: nil, now: 0)
        let cookie = try store.openSession(for: try store.caller(token: text, now: 0), now: 0)
        #expect(try store.caller(session: cookie, now: WebStore.sessionIdle - 1).name == "ada")
        // It was used then.
        #expect(try store.caller(session: cookie, now: 2 * WebStore.sessionIdle - 2).name == "ada")
        #expect(throws: Problem.self) { try store.caller(session: cookie, now: 4 * WebStore.sessionIdle) }
    }

    @Test func `a caller is known without a look-up until anything is committed, here or in another process`() throws {
        let (record, text) = try store.createToken(name: "ada", role: .submitter, expiresAt: 500_000, now: 0)
        #expect(store.knownCaller(token: text, now: 1) == nil, "nobody has looked it up")
        let caller = try store.caller(token: text, now: 1)
        #expect(store.knownCaller(token: text, now: 2) == caller)
        let cookie = try store.openSession(for: caller, now: 3)
        #expect(store.knownCaller(token: text, now: 4) == nil, "a session was opened")
        #expect(try store.caller(token: text, now: 4) == caller)
        let session = try store.caller(session: cookie, now: 4)
        #expect(store.knownCaller(session: cookie, now: 4) == session)
        #expect(store.knownCaller(session: text, now: 4) == nil)
        #expect(store.knownCaller(token: cookie, now: 4) == nil)
        // Another process.
        let other = try WebStore(path: store.path)
        #expect(store.knownCaller(token: text, now: 5) == caller, "nothing was committed")
        #expect(try other.deleteToken(record.id))
        #expect(store.knownCaller(token: text, now: 5) == nil)
        #expect(store.knownCaller(session: cookie, now: 5) == nil)
        #expect(throws: Problem.self) { try store.caller(token: text, now: 5) }
        try other.close()
    }

    @Test func `a caller is looked up again when the token has ended or its use is to be stored`() throws {
        let (_, text) = try store.createToken(name: "ada", role: .viewer, expiresAt: 100_000, now: 0)
        _ = try store.caller(token: text, now: 20_000)
        #expect(store.knownCaller(token: text, now: 60_000) != nil)
        #expect(store.knownCaller(token: text, now: 60_001) == nil, "more than a minute unused")
        _ = try store.caller(token: text, now: 60_001)
        #expect(try store.tokens(now: 60_001).first?.lastUsedAt == 60_001)
        _ = try store.caller(token: text, now: 60_002)
        #expect(store.knownCaller(token: text, now: 99_999) != nil)
        #expect(store.knownCaller(token: text, now: 100_000) == nil, "it has ended")
    }

    @Test func `a secret that differs in one character is not a known caller's`() throws {
        let (_, text) = try store.createToken(name: "ada", role: .admin, expiresAt: nil, now: 0)
        _ = try store.caller(token: text, now: 1)
        let last = try #require(text.last)
        let forged = text.dropLast() + (last == "a" ? "b" : "a")
        #expect(store.knownCaller(token: String(forged), now: 1) == nil)
        #expect(store.knownCaller(token: text, now: 1) != nil)
    }

    @Test func `an upload is what was stored, also after the store is opened again`() throws {
        var record = upload("é.png")
        record.fingerprint = "abc"
        try store.insert(record)
        #expect(try store.upload(record.id) == record)
        record.phase = .rejected(code: "not-an-image", detail: "It is a text file.")
        #expect(try store.update(record))
        try store.close()
        let again = try WebStore(path: store.path)
        #expect(try again.upload(record.id) == record)
        try again.deleteUpload(record.id)
        #expect(try again.upload(record.id) == nil)
        #expect(try !again.update(record))
    }

    @Test func `images arrive in the order in which their uploads were completed`() throws {
        let uploads = [upload("a"), upload("b"), upload("c")]
        let job = FedJob(job: 17, owner: "ada", sealsWhenComplete: true, phase: .open)
        #expect(try store.insertJob(job, images: uploads.map { ($0.name, $0.id) }, promised: uploads))
        #expect(try !store.insertJob(job, images: [], promised: []), "a repeated request makes nothing")
        #expect(try store.feed(of: 17)?.feed.step == .wait)
        try complete(uploads[2])
        try complete(uploads[0])
        let places = [(ordinal: 2, position: UInt32(0)), (ordinal: 0, position: UInt32(1))]
        #expect(try store.feed(of: 17)?.feed.step == .place(places))
        try store.setPositions([places[0]], of: 17)
        let feed = try #require(try store.feed(of: 17))
        #expect(feed.feed.step == .add(first: 0, ordinals: [2]))
        #expect(feed.images[2]?.upload == uploads[2].id)
        #expect(try store.source(of: ImageName(job: 17, index: 0))?.id == uploads[2].id)
        #expect(try store.isBeingAdded(uploads[2].id))
        try store.setAdded([2], of: 17)
        #expect(try !store.isBeingAdded(uploads[2].id))
        #expect(try store.feed(of: 17)?.feed.step == .place([places[1]]))
        try store.setPositions([places[1]], of: 17)
        try store.setAdded([0], of: 17)
        #expect(try store.feed(of: 17)?.feed.step == .wait)
        // A deleted upload is an image that does not come.
        try store.deleteUpload(uploads[1].id)
        #expect(try store.feed(of: 17)?.feed.step == .seal(imageCount: 2))
        let bare = FedJob(job: 18, owner: "eve", sealsWhenComplete: false, phase: .open)
        #expect(try store.insertJob(bare, images: [], promised: []))
        let found = try store.totals(of: [17, 18, 19])
        let totals = try #require(found[17]).uploads
        #expect((totals.expected, totals.received, totals.added, totals.rejected) == (3, 2, 2, 1))
        #expect((totals.bytesExpected, totals.bytesReceived) == (20, 20))
        let none = try #require(found[18])
        #expect(none.job == bare)
        #expect((none.uploads.expected, none.uploads.received, none.uploads.rejected) == (0, 0, 0))
        #expect(found[19] == nil, "another client's job")
        // An upload that was complete before is there at once, and one that is gone never comes.
        #expect(try store.insertImages([("d", uploads[0].id), ("e", uploads[1].id)], promised: [], into: 17) == 3)
        #expect(try store.feed(of: 17)?.feed.step == .place([(ordinal: 3, position: 2)]))
        try store.setPhase(.sealed, of: 17)
        #expect(try store.feed(of: 17)?.feed == nil)
        #expect(try store.insertImages([("e", uploads[0].id)], promised: [], into: 17) == nil)
    }

    @Test func `two images never have one position`() throws {
        let uploads = [upload("a"), upload("b")]
        let job = FedJob(job: 1, owner: "ada", sealsWhenComplete: true, phase: .open)
        _ = try store.insertJob(job, images: uploads.map { ($0.name, $0.id) }, promised: uploads)
        #expect(throws: (any Error).self) {
            try store.setPositions([(ordinal: 0, position: 0), (ordinal: 1, position: 0)], of: 1)
        }
        #expect(try store.images(of: 1).allSatisfy { $0.position == nil }, "all or nothing")
    }

    @Test func `originals are kept their time, and as long as a job waits for them`() throws {
        let (waiting, added, alone, receiving) = (upload("a"), upload("b"), upload("c"), upload("d"))
        let job = FedJob(job: 1, owner: "ada", sealsWhenComplete: true, phase: .open)
        _ = try store.insertJob(
            job, images: [("a", waiting.id), ("b", added.id)], promised: [waiting, added])
        try store.insert(alone)
        try store.insert(receiving)
        for record in [waiting, added, alone] { try complete(record) }
        try store.setPositions([(ordinal: 1, position: 0)], of: 1)
        try store.setAdded([1], of: 1)
        func expired(idle: UInt64, kept: UInt64) throws -> Set<String> {
            Set(try store.expiredUploads(idleSince: idle, keptSince: kept).map(\.name))
        }
        #expect(try expired(idle: 0, kept: 2000) == ["b"])
        #expect(try expired(idle: 2000, kept: 0) == ["c", "d"])
        try store.setPhase(.sealed, of: 1)
        #expect(try expired(idle: 0, kept: 2000) == ["a", "b"])
    }

    @Test func `an answer is repeated for a day`() throws {
        let answer = StoredAnswer(request: "d", status: 201, location: "/x", body: "{}")
        try store.store(answer, to: "key", of: "ada", now: 0)
        #expect(try store.answer(to: "key", of: "ada") == answer)
        #expect(try store.answer(to: "key", of: "bob") == nil)
        try store.store(answer, to: "other", of: "ada", now: WebStore.answerAge + 1)
        #expect(try store.answer(to: "key", of: "ada") == nil)
    }

    @Test func `a preset is changed only where the condition holds`() throws {
        let made = try #require(try store.putPreset("a", pipeline: "invert") { $0 == nil })
        #expect(made.isNew)
        #expect(try store.putPreset("a", pipeline: "sobel") { $0 == nil } == nil)
        let changed = try #require(try store.putPreset("a", pipeline: "sobel") { $0?.revision == 1 })
        #expect(changed.preset.revision == 2)
        #expect(try store.deletePreset("a") { $0.revision == 1 } == false)
        #expect(try store.deletePreset("a") { $0.revision == 2 } == true)
        #expect(try store.deletePreset("a") { _ in true } == nil)
    }

    @Test func `one gateway uses a directory`() throws {
        let first = try StateLock(directory: directory.path)
        #expect(throws: StoreError.self) { _ = try StateLock(directory: directory.path) }
        withExtendedLifetime(first) {}
    }

    // MARK: Spool

    @Test func `a file continues at its stored offset, and what is behind it is cut off`() throws {
        let spool = try Spool(path: directory.path + "/spool")
        let id = UploadRecord.newID()
        let bytes = Array("0123456789".utf8)
        let file = try spool.open(id, at: 0)
        try bytes.withUnsafeBytes { try file.write($0, at: 0) }
        try file.sync()
        let again = try spool.open(id, at: 4)
        #expect(throws: StoreError.self) { try again.read(at: 0, count: 5) }
        #expect(try again.read(at: 1, count: 3) == Array("123".utf8))
        #expect(try again.digest(byteCount: 3) == "bf6aaaab7c143ca12ae448c69fb72bb4cf1b29154b9086a927a0a91ae334cdf7")
        #expect(try spool.uploads() == [id])
        #expect(throws: StoreError.self) { _ = try spool.open(id, at: 5) }
        spool.remove(id)
        #expect(spool.reading(id) == nil)
    }
}

/// A directory that is removed with its last reference.
final class OwnDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/tessera-gateway-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { removeTree(path) }
}
