import Testing

@testable import ClientKit

@Suite struct UnitsTests {
    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (10 << 10, "10 KiB"),
            ((1 << 20) - 1, "1.0 MiB"), (16 << 20, "16 MiB"), (UInt64.max, "16 EiB"),
        ] as [(UInt64, String)])
    func `sizes are readable`(count: UInt64, text: String) { #expect(Units.bytes(count) == text) }

    @Test(
        arguments: [
            (Duration.milliseconds(40), "0.0 s"), (.milliseconds(450), "0.5 s"), (.seconds(12), "12 s"),
            (.seconds(65), "1 min 05 s"), (.seconds(3600 + 600), "1 h 10 min"),
            (.seconds(3 * 86400 + 4 * 3600), "3 d 4 h"),
            (.seconds(-5), "0 s"),
        ] as [(Duration, String)])
    func `lengths of time are readable`(duration: Duration, text: String) { #expect(Units.duration(duration) == text) }

    @Test func `times are told relative to now`() {
        let now: UInt64 = 1_800_000_000_000
        #expect(Units.ago(now, now: now) == "just now")
        #expect(Units.ago(now + 5000, now: now) == "just now")
        #expect(Units.ago(now - 59_999, now: now) == "59 s ago")
        #expect(Units.ago(now - 3_600_000, now: now) == "1 h ago")
        #expect(Units.ago(now - 10 * 86_400_000, now: now) == "10 d ago")
        #expect(Units.ago(0, now: now) == "-")
    }

    @Test func `counts and rates keep about three digits`() {
        #expect(Units.count(9_999) == "9999")
        #expect(Units.count(108_000_000) == "108M")
        #expect(Units.pixelRate(12_340_000) == "12 Mpixel/s")
        #expect(Units.pixelRate(1_234_000) == "1.2 Mpixel/s")
        #expect(Units.imageRate(0.25) == "4.0 s/image")
        #expect(Units.counted(1, "image") == "1 image")
        #expect(Units.counted(0, "image") == "0 images")
    }
}
