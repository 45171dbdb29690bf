import Metrics
import Testing

@Suite struct MetricsTextTests {
    @Test func `a family is its help, its kind, and a line for each sample`() {
        let families: [MetricFamily] = [
            .counter("tessera_things_total", "Things.", 7),
            .labelled("tessera_jobs", .gauge, "Jobs.", by: "state", ["open": 1, "ended": .max]),
            .number("tessera_age_seconds", .gauge, "Age.", 0.25),
            .info("tessera_info", "About.", [.init("a", "1"), .init("b", "2")]),
        ]
        #expect(
            MetricsText(families).text == """
                # HELP tessera_things_total Things.
                # TYPE tessera_things_total counter
                tessera_things_total 7
                # HELP tessera_jobs Jobs.
                # TYPE tessera_jobs gauge
                tessera_jobs{state="open"} 1
                tessera_jobs{state="ended"} 18446744073709551615
                # HELP tessera_age_seconds Age.
                # TYPE tessera_age_seconds gauge
                tessera_age_seconds 0.25
                # HELP tessera_info About.
                # TYPE tessera_info gauge
                tessera_info{a="1",b="2"} 1

                """)
    }

    @Test func `a backslash, a line's end and a quote are escaped where they would end something`() {
        let family = MetricFamily.labelled("x", .gauge, "a\\b\nc\"d", by: "l", ["a\\b\nc\"d": 1])
        #expect(
            MetricsText([family]).text == #"""
                # HELP x a\\b\nc"d
                # TYPE x gauge
                x{l="a\\b\nc\"d"} 1

                """#)
    }

    @Test(arguments: [
        (Double.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (0, "0.0"), (1e-5, "1e-05"),
        (2.5e17, "2.5e+17"),
    ]) func `a number is written as Go reads it`(value: Double, text: String) {
        #expect(MetricsText([.number("x", .gauge, "X.", value)]).text.hasSuffix("x \(text)\n"))
    }

    @Test func `buckets are cumulative, and a duration on a bound is below it`() {
        var durations = DurationHistogram([.milliseconds(10), .seconds(1)])
        for duration: Duration in [.milliseconds(10), .milliseconds(11), .seconds(1), .seconds(2), .seconds(-5)] {
            durations.add(duration)
        }
        #expect(
            MetricsText([.histograms("t_seconds", "T.", by: "kind", [("chunk", durations)])]).text == """
                # HELP t_seconds T.
                # TYPE t_seconds histogram
                t_seconds_bucket{kind="chunk",le="0.01"} 2
                t_seconds_bucket{kind="chunk",le="1.0"} 4
                t_seconds_bucket{kind="chunk",le="+Inf"} 5
                t_seconds_sum{kind="chunk"} 3.021
                t_seconds_count{kind="chunk"} 5

                """)
    }
}
