/// What zlib streams (RFC 1950) of ours have around their blocks: the same in every format that has such streams.
package enum ZlibFraming {
    /// Deflate with a window of 32 KiB; a fast compressor; the check bits that make it a multiple of 31.
    package static let start: [UInt8] = [0x78, 0x5e]
    /// A final block with fixed codes that holds only its end: bits 1, 01, 0000000. Behind it is the Adler-32, big-endian.
    package static let end: [UInt8] = [0x03, 0x00]
}
