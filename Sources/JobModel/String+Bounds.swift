extension String {
    /// The longest beginning of at most that many bytes of UTF-8. A character may have any number of bytes, so that a number of
    /// characters bounds nothing.
    public func prefix(maximumByteCount: Int) -> String {
        guard utf8.count > maximumByteCount else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: maximumByteCount)
        while end > utf8.startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(unicodeScalars[..<end])
    }

    /// The longest end of at most that many bytes of UTF-8.
    public func suffix(maximumByteCount: Int) -> String {
        guard utf8.count > maximumByteCount else { return self }
        var start = utf8.index(utf8.endIndex, offsetBy: -maximumByteCount)
        while start < utf8.endIndex, start.samePosition(in: unicodeScalars) == nil { start = utf8.index(after: start) }
        return String(unicodeScalars[start...])
    }
}
