/// A field to write: its values in the byte order of the file.
package struct TIFFFieldBytes: Hashable, Sendable {
    package let tag: TIFFTag
    package let type: TIFFType
    package let bytes: [UInt8]

    package init(_ tag: TIFFTag, _ type: TIFFType, bytes: [UInt8]) {
        self.tag = tag
        self.type = type
        self.bytes = bytes
    }

    /// A field of whole numbers.
    package init(_ tag: TIFFTag, _ type: TIFFType, _ numbers: [UInt64], _ order: TIFFByteOrder = .littleEndian) {
        self.init(tag, type, bytes: numbers.flatMap { order.bytes($0, count: type.byteCount) })
    }

    /// A text, with the zero behind it.
    package init(_ tag: TIFFTag, text: [UInt8]) { self.init(tag, .ascii, bytes: text.filter { $0 != 0 } + [0]) }
}

/// The form of the directories that are written.
package struct TIFFForm: Hashable, Sendable {
    package var order = TIFFByteOrder.littleEndian
    package var isBig = false

    package init(order: TIFFByteOrder = .littleEndian, isBig: Bool = false) {
        self.order = order
        self.isBig = isBig
    }

    private var offsetByteCount: Int { isBig ? 8 : 4 }

    /// A file's header.
    package func header(firstDirectory: UInt64) -> [UInt8] {
        order.letters
            + (isBig
                ? order.bytes(43, count: 2) + order.bytes(8, count: 2) + order.bytes(0, count: 2)
                    + order.bytes(firstDirectory, count: 8)
                : order.bytes(42, count: 2) + order.bytes(firstDirectory, count: 4))
    }

    /// A directory, and behind it the values that do not fit into it, each at an even offset.
    ///
    /// - Parameters:
    ///   - fields: at least one, no two with one tag.
    ///   - offset: where it begins in the file; even.
    ///   - next: where the next one of the chain begins; 0 for the last.
    package func directory(_ fields: [TIFFFieldBytes], at offset: UInt64, next: UInt64 = 0) -> [UInt8] {
        let sorted = fields.sorted { $0.tag.number < $1.tag.number }
        let directoryByteCount = (isBig ? 8 : 2) + sorted.count * (isBig ? 20 : 12) + offsetByteCount
        var entries = order.bytes(UInt64(sorted.count), count: isBig ? 8 : 2)
        var values: [UInt8] = []
        for field in sorted {
            entries +=
                order.bytes(UInt64(field.tag.number), count: 2) + order.bytes(UInt64(field.type.rawValue), count: 2)
            entries += order.bytes(UInt64(field.bytes.count / field.type.byteCount), count: offsetByteCount)
            if field.bytes.count <= offsetByteCount {
                entries += field.bytes + [UInt8](repeating: 0, count: offsetByteCount - field.bytes.count)
            } else {
                entries += order.bytes(offset + UInt64(directoryByteCount + values.count), count: offsetByteCount)
                values += field.bytes
                if values.count % 2 == 1 { values.append(0) }
            }
        }
        return entries + order.bytes(next, count: offsetByteCount) + values
    }
}

extension TIFFLayout {
    /// The start of a file in which one piece is the only one, or the first of two strips of which the other is shorter: what
    /// libtiff is given instead of the file, so that it reads no directory but ours.
    package func pieceHeader(pieceByteCount: Int) -> [UInt8] {
        let order = encoding.order
        let sampleCount = encoding.samplesPerPiece
        let last = shape.height - (rowCount - 1) * storedHeight
        let hasShorterStrip = !isTiled && last != storedHeight
        let pieceCount = hasShorterStrip ? 2 : 1
        func field(_ tag: TIFFTag, _ type: TIFFType, _ numbers: [Int]) -> TIFFFieldBytes {
            TIFFFieldBytes(tag, type, numbers.map { UInt64($0) }, order)
        }
        // Palettes, white as zero and inks are ours to deal with.
        let photometric = encoding.photometric == .yCbCr ? 6 : sampleCount < 3 ? 1 : 2
        func fields(_ start: Int) -> [TIFFFieldBytes] {
            var fields = [
                field(.imageWidth, .long, [storedWidth]),
                field(.imageLength, .long, [storedHeight + (hasShorterStrip ? last : 0)]),
                field(.bitsPerSample, .short, [Int](repeating: encoding.bitDepth, count: sampleCount)),
                field(.compression, .short, [Int(encoding.compression.rawValue)]),
                field(.photometric, .short, [photometric]),
                field(.fillOrder, .short, [encoding.hasReversedBits ? 2 : 1]),
                field(.samplesPerPixel, .short, [sampleCount]),
                field(.planarConfiguration, .short, [1]),
                field(isTiled ? .tileOffsets : .stripOffsets, .long, [Int](repeating: start, count: pieceCount)),
                field(
                    isTiled ? .tileByteCounts : .stripByteCounts, .long,
                    [Int](repeating: min(pieceByteCount, Int(UInt32.max)), count: pieceCount)),
            ]
            if isTiled {
                fields.append(field(.tileWidth, .long, [storedWidth]))
                fields.append(field(.tileLength, .long, [storedHeight]))
            } else {
                fields.append(field(.rowsPerStrip, .long, [storedHeight]))
            }
            let colorCount = photometric == 1 ? 1 : 3
            if sampleCount > colorCount {
                fields.append(field(.extraSamples, .short, [Int](repeating: 0, count: sampleCount - colorCount)))
            }
            if encoding.isPredicted { fields.append(field(.predictor, .short, [2])) }
            if encoding.photometric == .yCbCr {
                fields.append(field(.yCbCrSubsampling, .short, encoding.subsampling.map(Int.init)))
            }
            if !encoding.jpegTables.isEmpty {
                fields.append(TIFFFieldBytes(.jpegTables, .undefined, bytes: encoding.jpegTables))
            }
            return fields
        }
        let form = TIFFForm(order: order)
        let header = form.header(firstDirectory: 8)
        // Its size does not depend on the offset.
        let byteCount = header.count + form.directory(fields(0), at: 8).count
        return header + form.directory(fields(byteCount), at: 8)
    }
}
