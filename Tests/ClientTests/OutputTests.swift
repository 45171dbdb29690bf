import Testing

@testable import Client

@Suite struct OutputTests {
    @Test func `JSON keeps the order of members and leaves out what is not known`() {
        let json: JSON = [
            "b": .integer(1), "a": .array([.bool(true), .null, .number(0.5), .number(3)]), "unknown": nil,
            "text": "line\n\"quoted\" \\ \u{1}é",
        ]
        #expect(json.text == #"{"b":1,"a":[true,null,0.5,3],"text":"line\n\"quoted\" \\ \u0001é"}"#)
        #expect(JSON.number(.infinity).text == "null")
        #expect((["a": "1"] as JSON).with(["b": "2"]).text == #"{"a":"1","b":"2"}"#)
    }

    @Test func `a table aligns its columns and ends no line with spaces`() {
        var table = Table(.right("JOB"), .left("STATE"), .right("IMAGES"), .left("PIPELINE"))
        table.add("7", "running", "3/10", "invert")
        table.add("1234", "done", "10/10", "")
        #expect(
            table.text == """
                 JOB  STATE    IMAGES  PIPELINE
                   7  running    3/10  invert
                1234  done      10/10

                """)
    }

    @Test func `names from elsewhere can not steer the terminal`() {
        var table = Table(.left("NAME"))
        table.add("a\u{1B}[2Jb\r\nc\u{202E}")
        #expect(table.text == "NAME\na?[2Jb??c?\n")
    }

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

    @Test func `data goes to standard output, words to standard error`() throws {
        let (output, errors) = (RecordingSink(), RecordingSink())
        let console = Console(output: output, errors: errors, isJSON: false)
        try console.write("17\n")
        console.note("going on")
        console.report(ClientError("not-found", "there is no job 18"))
        #expect(output.text == "17\n")
        #expect(errors.text == "going on\ntessera: there is no job 18\n")
    }

    @Test func `with JSON even errors are objects`() {
        let errors = RecordingSink()
        let console = Console(output: RecordingSink(), errors: errors, isJSON: true)
        console.report(ClientError("not-found", "there is no job \"18\""))
        console.note("going on", code: "connection")
        #expect(
            errors.text == """
                {"error":{"code":"not-found","message":"there is no job \\"18\\""}}
                {"note":{"code":"connection","message":"going on"}}

                """)
    }

    @Test func `a message takes the progress line away and puts it back below`() throws {
        let errors = RecordingSink(terminalWidth: 80)
        let console = Console(output: RecordingSink(), errors: errors, isJSON: false)
        console.showStatus("50%")
        console.note("worker lost")
        console.showStatus("60%")
        console.showStatus("")
        #expect(errors.text == "50%\r\u{1B}[Kworker lost\n50%\r\u{1B}[K60%\r\u{1B}[K")
    }

    @Test func `a reader that has gone is not told so`() {
        let errors = RecordingSink()
        Console(output: RecordingSink(), errors: errors, isJSON: false).report(
            ClientError("broken-pipe", "gone", status: .brokenPipe))
        #expect(errors.text.isEmpty)
    }
}
