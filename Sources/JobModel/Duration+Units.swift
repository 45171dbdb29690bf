extension Duration {
    /// Whole milliseconds, rounded towards zero; at most what fits.
    public var milliseconds: Int64 { Int64(clamping: attoseconds / 1_000_000_000_000_000) }

    /// Whole nanoseconds, rounded towards zero; at most what fits.
    public var nanoseconds: Int64 { Int64(clamping: attoseconds / 1_000_000_000) }

    public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
