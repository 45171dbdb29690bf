/// Names that nobody else makes.
enum Randomness {
    /// `byteCount` bytes from the system's random source, two digits each.
    static func hexadecimal(byteCount: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef")
        return String((0..<byteCount * 2).map { _ in digits[Int.random(in: 0..<16, using: &generator)] })
    }
}
