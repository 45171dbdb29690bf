/// A condition that a test waited for did not become true.
public struct DidNotHappen: Error, CustomStringConvertible {
    public let description: String
}

/// Waits until `condition` gives a value: polls a fact that can be observed, up to a deadline.
///
/// - Parameters:
///   - what: what is waited for, as a clause: "the job ends".
///   - limit: only bounds a failing test; a passing one continues as soon as it can.
/// - Throws: `DidNotHappen` after `limit`; what `condition` throws.
public func eventually<Value>(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(60),
    every interval: Duration = .milliseconds(5),
    _ condition: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        // Looked at once more after the deadline: on a busy machine the pause may have been long.
        let isLast = ContinuousClock.now >= deadline
        if let value = try await condition() { return value }
        if isLast { throw DidNotHappen(description: "waited \(limit), and it did not happen that \(what())") }
        try await Task.sleep(for: interval)
    }
}

/// Waits until `condition` holds.
public func eventually(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(60),
    every interval: Duration = .milliseconds(5),
    isTrue condition: () async throws -> Bool
) async throws {
    try await eventually(what(), within: limit, every: interval) { () async throws -> Void? in
        try await condition() ? () : nil
    }
}
