/// Metrics in Prometheus' text-based exposition format, version 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
package struct MetricsText: Sendable {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var text = ""

    package init(_ families: [MetricFamily]) {
        for family in families { append(family) }
    }

    private mutating func append(_ family: MetricFamily) {
        text += "# HELP \(family.name) \(Self.escaped(family.help, quotes: false))\n"
        text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
        for sample in family.samples {
            switch sample.value {
            case .count(let value): line(family.name, sample.labels, String(value))
            case .number(let value): line(family.name, sample.labels, Self.text(of: value))
            case .durations(let histogram): lines(family.name, sample.labels, histogram)
            }
        }
    }

    /// Buckets are cumulative: each counts what is at most its bound.
    private mutating func lines(_ name: String, _ labels: [MetricFamily.Label], _ histogram: DurationHistogram) {
        var count: UInt64 = 0
        for (bound, inBucket) in zip(histogram.bounds, histogram.counts) {
            count += inBucket
            line("\(name)_bucket", labels + [.init("le", Self.text(of: bound.inSeconds))], String(count))
        }
        line("\(name)_bucket", labels + [.init("le", "+Inf")], String(histogram.count))
        line("\(name)_sum", labels, Self.text(of: histogram.sum.inSeconds))
        line("\(name)_count", labels, String(histogram.count))
    }

    private mutating func line(_ name: String, _ labels: [MetricFamily.Label], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{"
            text += labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }.joined(separator: ",")
            text += "}"
        }
        text += " \(value)\n"
    }

    private static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
