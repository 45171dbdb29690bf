/// A metric of this process, with all of its samples: one name in the exposition format of Prometheus.
///
/// Names follow that system's conventions, which `promtool check metrics` checks: base units, the unit at the end of the name,
/// `_total` for what only grows. Values of labels come from small fixed sets: states, outcomes, codes. They never come from
/// messages, names or identifiers, because each value is a time series that somebody stores for months.
package struct MetricFamily: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// It only grows, and starts at 0 with the process.
        case counter
        case gauge
        case histogram
    }

    package struct Label: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            precondition(MetricFamily.isName(name), "'\(name)' is not a name of a label")
            self.name = name
            self.value = value
        }
    }

    package enum Value: Sendable, Equatable {
        case count(UInt64)
        case number(Double)
        case durations(DurationHistogram)
    }

    package struct Sample: Sendable, Equatable {
        package let labels: [Label]
        package let value: Value
    }

    package let name: String
    package let kind: Kind
    /// One sentence for operators.
    package let help: String
    package let samples: [Sample]

    private init(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        precondition(Self.isName(name), "'\(name)' is not a name of a metric")
        precondition((kind == .counter) == name.hasSuffix("_total"), "only the names of counters end with _total")
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    package static func counter(_ name: String, _ help: String, _ value: UInt64) -> MetricFamily {
        MetricFamily(name, .counter, help, [Sample(labels: [], value: .count(value))])
    }

    package static func gauge(_ name: String, _ help: String, _ value: UInt64) -> MetricFamily {
        MetricFamily(name, .gauge, help, [Sample(labels: [], value: .count(value))])
    }

    /// - Parameter value: in seconds, where it is a time.
    package static func number(_ name: String, _ kind: Kind, _ help: String, _ value: Double) -> MetricFamily {
        MetricFamily(name, kind, help, [Sample(labels: [], value: .number(value))])
    }

    /// A family with one label.
    package static func labelled(
        _ name: String, _ kind: Kind, _ help: String, by label: String, _ values: KeyValuePairs<String, UInt64>
    ) -> MetricFamily {
        labelled(name, kind, help, by: label, values.map { ($0.key, $0.value) })
    }

    package static func labelled(
        _ name: String, _ kind: Kind, _ help: String, by label: String, _ values: [(String, UInt64)]
    ) -> MetricFamily {
        MetricFamily(
            name, kind, help, values.map { Sample(labels: [Label(label, $0.0)], value: .count($0.1)) })
    }

    package static func histogram(_ name: String, _ help: String, _ durations: DurationHistogram) -> MetricFamily {
        MetricFamily(name, .histogram, help, [Sample(labels: [], value: .durations(durations))])
    }

    package static func histograms(
        _ name: String, _ help: String, by label: String, _ values: [(String, DurationHistogram)]
    ) -> MetricFamily {
        MetricFamily(
            name, .histogram, help, values.map { Sample(labels: [Label(label, $0.0)], value: .durations($0.1)) })
    }

    /// The value 1, which carries labels.
    package static func info(_ name: String, _ help: String, _ labels: [Label]) -> MetricFamily {
        MetricFamily(name, .gauge, help, [Sample(labels: labels, value: .count(1))])
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, first == 0x5F || (0x61...0x7A).contains(first) else { return false }
        return text.utf8.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
    }
}
