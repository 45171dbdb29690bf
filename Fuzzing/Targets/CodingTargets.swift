import ByteCoding
import JobModel

extension FuzzTarget {
    /// What the journal gives back, behind its checksums.
    ///
    ///     which type | its binary form ...
    static let records = FuzzTarget("records") { bytes in
        var input = InputBytes(bytes)
        let selector = input.number(in: 0...3)
        let form = Array(input.rest)
        switch selector {
        case 0: try checkForm(of: TaskSpec.self, form)
        case 1: try checkForm(of: TaskOutput.self, form)
        default: try checkForm(of: Record.self, form)
        }
    }

    /// What a rank and its worker send each other, in one read and in many.
    ///
    ///     which direction | where the reads are cut | the stream ...
    static let rankMessages = FuzzTarget("rank-messages") { bytes in
        var input = InputBytes(bytes)
        let isOrder = input.byte() & 1 == 0
        let seed = input.byte()
        let stream = Array(input.rest)
        if isOrder {
            try checkStream(of: RankOrder.self, stream, seed: seed)
        } else {
            try checkStream(of: RankReply.self, stream, seed: seed)
        }
    }

    private static func checkForm<Value: BinaryCodable & Equatable>(of _: Value.Type, _ form: [UInt8]) throws {
        guard let value = try? Value(decoding: form) else { return }
        let again: Value
        do {
            again = try Value(decoding: value.encoded())
        } catch {
            throw FuzzFinding(description: "\(value) is written to bytes that do not read: \(error)")
        }
        try FuzzFinding.unless(again == value, "\(value) reads back as \(again)")
    }

    private static func checkStream<Message: BinaryCodable & Equatable>(
        of _: Message.Type, _ stream: [UInt8], seed: UInt8
    ) throws {
        let whole = messages(Message.self, in: [stream[...]])
        let piecewise = messages(Message.self, in: cut(stream, seed: seed))
        try FuzzFinding.unless(
            whole.messages == piecewise.messages && whole.error == piecewise.error,
            "\(whole) in one read, \(piecewise) in many")
        for message in whole.messages {
            try FuzzFinding.unless(
                try Message(decoding: message.encoded()) == message, "\(message) changes when it is copied")
        }
    }

    private static func messages<Message: BinaryCodable>(
        _: Message.Type, in reads: [ArraySlice<UInt8>]
    ) -> (messages: [Message], error: BinaryCodingError?) {
        var reader = RankFrameReader()
        var messages: [Message] = []
        do {
            for read in reads {
                reader.append(read)
                while let message = try reader.next(Message.self) { messages.append(message) }
            }
        } catch {
            return (messages, error)
        }
        return (messages, nil)
    }
}
