extension JPEGLayout {
    /// Bytes of the file that are looked at together.
    private static let partByteCount = 1 << 20
    /// Longer headers have tables that hardly any file has.
    static let maximumHeaderByteCount = 4_096

    /// Looks for the marks of a file's image data: all of the file is read.
    ///
    /// - Returns: `nil` for a file whose image is not in units of rows, or whose marks are not those that its header announces: it
    ///   is decoded as a whole, and refused by that where it is damaged.
    init?(
        byteCount: UInt64, limits: DecodingLimits, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        var places: [(marker: JPEGMarker, data: Range<Int>)] = []
        let file = try JPEGHeader(byteCount: byteCount, limits: limits, read: read) { marker, data in
            places.append((marker, data))
        }
        guard file.order == .rows, !file.isOfInks, let end = places.last?.data.upperBound else { return nil }
        places.removeAll { !Self.isNeeded($0.marker) }
        guard places.reduce(0, { $0 + $1.data.count }) <= Self.maximumHeaderByteCount else { return nil }
        let header = try places.reduce(JPEGMarker.startOfImage.bytes) { header, place in
            header + place.marker.segment(try read(UInt64(place.data.lowerBound), place.data.count))
        }
        guard let frame = try? JPEGRestartFrame(header: header, keepsColorMarks: true), frame.hasUnits else {
            return nil
        }
        var scan = RestartScan(frame, at: UInt64(end))
        while scan.position < byteCount, !scan.isOver {
            let count = Int(min(UInt64(Self.partByteCount), byteCount - scan.position))
            scan.take(try read(scan.position, count))
        }
        guard let starts = scan.starts else { return nil }
        self.init(frame, starts: starts)
    }

    /// Whether a segment is needed to decode the image data.
    private static func isNeeded(_ marker: JPEGMarker) -> Bool {
        switch marker {
        case .quantizationTables, .huffmanTables, .restartInterval, .startOfScan, .application(0), .application(14):
            true
        default: marker.isFrame
        }
    }
}

/// Follows the image data of a scan from mark to mark, and notes where units begin.
private struct RestartScan {
    private let intervalCount: Int
    private let intervalsPerUnit: Int
    /// The place in the file of what is taken next.
    private(set) var position: UInt64
    /// Marks that were passed.
    private var markCount = 0
    private var isMarker = false
    private var found: [UInt64]
    private var isComplete = false
    /// Whether nothing more has to be read.
    private(set) var isOver = false

    init(_ frame: JPEGRestartFrame, at start: UInt64) {
        intervalCount = frame.intervalCount
        intervalsPerUnit = frame.intervalsPerUnit
        position = start
        found = [start]
    }

    /// Where each unit begins, and where the last one ends; `nil` unless all marks were as they have to be.
    var starts: [UInt64]? { isComplete ? found : nil }

    mutating func take(_ part: [UInt8]) {
        for index in part.indices {
            let byte = part[index]
            guard isMarker else {
                isMarker = byte == 0xff
                continue
            }
            // More of them may be before a marker's code; a zero makes one of the data.
            guard byte != 0xff else { continue }
            isMarker = false
            guard byte != 0 else { continue }
            pass(JPEGMarker(byte), end: position + UInt64(index) + 1)
            if isOver { return }
        }
        position += UInt64(part.count)
    }

    private mutating func pass(_ marker: JPEGMarker, end: UInt64) {
        if markCount == intervalCount - 1 {
            isOver = true
            guard marker == .endOfImage else { return }
            found.append(end)
            isComplete = true
        } else if marker == .restart(markCount) {
            markCount += 1
            if markCount % intervalsPerUnit == 0 { found.append(end) }
        } else {
            isOver = true
        }
    }
}
