import JobModel

/// Names that are unlike any other.
package enum Randomness {
    /// `byteCount` bytes from the system's random source, two digits each.
    package static func hexadecimal(byteCount: Int) -> String {
        Hexadecimal.text((0..<byteCount).map { _ in UInt8.random(in: .min ... .max) })
    }
}
