import JobModel
import Testing

@Suite struct UnitTests {
    @Test func `bytes become two digits each, and digits bytes`() {
        let bytes = (0...255).map { UInt8($0) }
        let text = Hexadecimal.text(bytes)
        #expect(text.hasPrefix("000102") && text.hasSuffix("fdfeff"))
        #expect(Hexadecimal.bytes(text) == bytes)
        #expect(Hexadecimal.bytes(text.uppercased()) == bytes)
        #expect(Hexadecimal.bytes("") == [])
        for wrong in ["0", "0g", "g0", "012", " 1", "0x", "/:@`"] {
            #expect(Hexadecimal.bytes(wrong) == nil, "\(wrong)")
        }
    }

    @Test func `durations are counted in whole units, however long they are`() {
        #expect(Duration.microseconds(1999).milliseconds == 1)
        #expect(Duration.microseconds(-1999).milliseconds == -1)
        #expect(Duration.nanoseconds(1_500_000_001).nanoseconds == 1_500_000_001)
        #expect(Duration.milliseconds(1500).seconds == 1.5)
        #expect(Duration.seconds(Int64.max).milliseconds == .max)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect((Duration.zero - .seconds(Int64.max)).nanoseconds == .min)
    }
}
