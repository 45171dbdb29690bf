/// The tables of the files that we write, which libjpeg writes, too: those that ITU-T T.81 gives as examples (annex K), the
/// quantization scaled by the quality.
enum JPEGTables {
    /// For luminance and for chrominance (tables K.1 and K.2), row by row.
    private static let quantization: [[Int]] = [
        [
            16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22,
            29,
            51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103,
            121,
            120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
        ],
        [
            17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99,
            99,
            99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
            99,
            99, 99, 99, 99, 99, 99, 99, 99,
        ],
    ]

    /// The place, row by row, of each coefficient in the order of the file (figure A.6).
    private static let zigzag: [Int] = {
        // Diagonals from the upper left corner, every other one upwards.
        let places = (0..<64).map { (row: $0 / 8, column: $0 % 8) }
        return places.sorted { first, second in
            let (a, b) = (first.row + first.column, second.row + second.column)
            guard a == b else { return a < b }
            return a % 2 == 0 ? first.row > second.row : first.row < second.row
        }.map { $0.row * 8 + $0.column }
    }()

    /// The segment with table 0, for luminance, or 1.
    static func quantizationSegment(_ index: Int, quality: Int) -> [UInt8] {
        let percentage = quality < 50 ? 5000 / quality : 200 - 2 * quality
        let values = zigzag.map { UInt8(min(max((quantization[index][$0] * percentage + 50) / 100, 1), 255)) }
        return JPEGMarker.quantizationTables.segment([UInt8(index)] + values)
    }

    /// The two segments with the Huffman tables of luminance (0) or chrominance (1): for means and for other coefficients.
    static func huffmanSegments(_ index: Int) -> [UInt8] {
        JPEGMarker.huffmanTables.segment([UInt8(index)] + meanCounts[index] + (0...11))
            + JPEGMarker.huffmanTables.segment(
                [0x10 | UInt8(index)] + coefficientCounts[index] + coefficientValues[index])
    }

    /// The fewest bits of a block that has its neighbour's mean and nothing else: the codes of 0, and of the end of a block.
    static func leastBitCount(_ index: Int) -> Int { index == 0 ? 6 : 4 }

    /// How many codes there are of 1 to 16 bits (tables K.3 and K.4).
    private static let meanCounts: [[UInt8]] = [
        [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
    ]

    /// How many codes there are of 1 to 16 bits for coefficients (tables K.5 and K.6).
    private static let coefficientCounts: [[UInt8]] = [
        [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d], [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
    ]

    /// Zeros before a coefficient and the bits of its value, in the order of the codes.
    private static let coefficientValues: [[UInt8]] = [
        [
            0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
            0x14,
            0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82,
        ]
            + rest(
                [0x09, 0x0a],
                [0x16, 0x25, 0x34, 0x43, 0x53, 0x63, 0x73, 0x83, 0x92, 0xa2, 0xb2, 0xc2, 0xd2, 0xe1, 0xf1]),
        [
            0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
            0x32,
            0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a,
            0x16,
            0x24, 0x34, 0xe1, 0x25, 0xf1,
        ] + rest([], [0x17, 0x26, 0x35, 0x43, 0x53, 0x63, 0x73, 0x82, 0x92, 0xa2, 0xb2, 0xc2, 0xd2, 0xe2, 0xf2]),
    ]

    /// The values of the longest codes: after `first`, in each group of 16 those from one of `starts` up to ten bits.
    private static func rest(_ first: [UInt8], _ starts: [UInt8]) -> [UInt8] {
        first + starts.flatMap { start in start...(start & 0xf0 | 0x0a) }
    }
}
