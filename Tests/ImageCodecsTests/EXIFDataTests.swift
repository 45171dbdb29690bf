import Testing

@testable import ImageFormats

/// EXIF data to take apart.
enum EXIFSample {
    /// A number of a directory: its tag, type, count, and value or offset.
    typealias Number = (tag: Int, type: Int, count: Int, value: Int)

    static func directory(_ numbers: [Number], next: Int, isBigEndian: Bool = false) -> [UInt8] {
        func bytes(_ value: Int, _ count: Int) -> [UInt8] {
            let little = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            return isBigEndian ? little.reversed() : little
        }
        return bytes(numbers.count, 2)
            + numbers.flatMap { number in
                let isShort = number.type == 3 && number.count == 1
                return bytes(number.tag, 2) + bytes(number.type, 2) + bytes(number.count, 4)
                    + (isShort ? bytes(number.value, 2) + [0, 0] : bytes(number.value, 4))
            } + bytes(next, 4)
    }

    static func header(isBigEndian: Bool = false) -> [UInt8] {
        isBigEndian ? [0x4d, 0x4d, 0, 0x2a, 0, 0, 0, 8] : [0x49, 0x49, 0x2a, 0, 8, 0, 0, 0]
    }

    /// An orientation and nothing else.
    static let plain = header() + directory([(0x0112, 3, 1, 1)], next: 0)

    /// The image's directory, EXIF's, and a thumbnail's with its 20 bytes at the end.
    static func whole(isBigEndian: Bool, sideType: Int = 3) -> [UInt8] {
        // 8 + 2 + 12 * 2 + 4 = 38; EXIF's directory has as many bytes without the header: 68; the thumbnail's: 98.
        header(isBigEndian: isBigEndian)
            + directory([(0x0112, 3, 1, 8), (0x8769, 4, 1, 38)], next: 68, isBigEndian: isBigEndian)
            + directory(
                [(0xa002, sideType, 1, 4_000), (0xa003, sideType, 1, 3_000)], next: 0, isBigEndian: isBigEndian)
            + directory([(0x0201, 4, 1, 98), (0x0202, 4, 1, 20)], next: 0, isBigEndian: isBigEndian)
            + [UInt8](repeating: 0xee, count: 20)
    }
}

@Suite struct EXIFDataTests {
    @Test(arguments: [false, true]) func `the size, the orientation and the thumbnail are put right`(
        isBigEndian: Bool
    ) throws {
        for sideType in [3, 4] {
            var data = try #require(EXIFData(EXIFSample.whole(isBigEndian: isBigEndian, sideType: sideType)))
            #expect(data.orientation == 8)
            data.setUpright()
            #expect(data.orientation == 1)
            data.setSize(width: 640, height: 70_000)
            let expected = EXIFSample.directory(
                // 16 bits are too few for the height.
                [(0xa002, sideType, 1, 640), (0xa003, 4, 1, 70_000)], next: 0, isBigEndian: isBigEndian)
            #expect(Array(data.bytes[38..<68]) == expected)
            let before = data.bytes
            data.removeThumbnail()
            #expect(Array(data.bytes[8..<34]) == Array(before[8..<34]) && Array(data.bytes[34..<38]) == [0, 0, 0, 0])
            // Nothing of it is left, and what was before it is as it was.
            #expect(Array(data.bytes[38...]) == Array(before[38..<68]))
        }
    }

    @Test func `bytes that a thumbnail shares with other values are kept`() throws {
        let numbers: [EXIFSample.Number] = [(0x010f, 2, 20, 68)]
        let bytes =
            EXIFSample.header() + EXIFSample.directory(numbers, next: 26)
            + EXIFSample.directory([(0x0201, 4, 1, 60), (0x0202, 4, 1, 28), (0x0112, 3, 1, 6)], next: 0)
            + Array("padding, the maker, more".utf8)
        var data = try #require(EXIFData(bytes + [UInt8](repeating: 0x21, count: 40)))
        let before = data.bytes
        data.removeThumbnail()
        #expect(data.bytes[68..<88] == before[68..<88] && data.bytes.count >= 88)
    }

    @Test func `what is malformed is left as it is`() throws {
        for bytes in [[], [0x49, 0x49], Array("II*\0".utf8), Array("Exif data".utf8)] as [[UInt8]] {
            #expect(EXIFData(bytes) == nil)
            var copy = bytes
            EXIFData.edit(&copy) { $0.setUpright() }
            #expect(copy == bytes)
        }
        // Directories that loop, that are beyond the end, that overlap the header.
        let loop = EXIFSample.header() + EXIFSample.directory([(0x8769, 4, 1, 8), (0x0112, 3, 2, 6)], next: 8)
        let beyond = EXIFSample.header() + EXIFSample.directory([(0x8769, 4, 1, 4_000_000_000)], next: 4_000_000_000)
        for bytes in [loop, beyond, Array("II*\0\u{2}\0\0\0abcdefgh".utf8)] {
            var data = try #require(EXIFData(bytes))
            #expect(data.orientation == 1)
            data.setSize(width: 1, height: 1)
            data.setUpright()
            data.exchangeResolutions()
            data.removeThumbnail()
            #expect(EXIFData(data.bytes) != nil)
        }
    }

    /// Every bit of the data, changed: no access beyond them, and data afterwards that begin as before.
    @Test func `data that are damaged anywhere can be edited`() throws {
        let bytes = EXIFSample.whole(isBigEndian: false)
        for bit in 0..<8 * bytes.count {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            guard var data = EXIFData(changed) else { continue }
            data.setSize(width: 5, height: 6)
            data.setUpright()
            data.exchangeResolutions()
            data.removeThumbnail()
            #expect(data.bytes.count <= bytes.count && EXIFData(data.bytes) != nil, "bit \(bit)")
        }
    }

    @Test func `a packet says the new size, whatever its digits`() {
        var packet = Array(
            "<a exif:PixelXDimension='4000' exif:PixelYDimension=\"3\"><tiff:ImageWidth>77</tiff:ImageWidth>".utf8)
        XMPText.setSize(width: 12, height: 34_567, in: &packet)
        #expect(
            String(decoding: packet, as: UTF8.self)
                == "<a exif:PixelXDimension='12' exif:PixelYDimension=\"34567\"><tiff:ImageWidth>12</tiff:ImageWidth>")
    }
}
