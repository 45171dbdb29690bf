extension JPEGLayout {
    /// Bytes of the file that are looked at together.
    private static let partByteCount = 1 << 20
    /// Longer headers have tables that hardly any file has.
    static let maximumHeaderByteCount = 4_096

    /// The segments of a file's header that its image data need, as they are read.
    package struct Head {
        fileprivate private(set) var bytes = JPEGMarker.startOfImage.bytes
        /// Where the image data begin.
        fileprivate private(set) var end = 0
        fileprivate private(set) var isTooLong = false

        package init() {}

        /// Takes the next segment; those of metadata are passed over, however many there are.
        package mutating func take(
            _ marker: JPEGMarker, _ place: Range<Int>, _ data: () throws -> [UInt8]
        ) throws {
            end = place.upperBound
            guard Self.isNeeded(marker), !isTooLong else { return }
            isTooLong = bytes.count + place.count > JPEGLayout.maximumHeaderByteCount
            if !isTooLong { bytes += marker.segment(try data()) }
        }

        private static func isNeeded(_ marker: JPEGMarker) -> Bool {
            switch marker {
            case .quantizationTables, .huffmanTables, .restartInterval, .startOfScan, .application(0), .application(14):
                true
            default: marker.isFrame
            }
        }
    }

    /// Looks for the marks of a file's image data: all of it is read.
    ///
    /// - Returns: `nil` for a file whose image is not in units of rows, or whose marks are not those that its header announces: it
    ///   is decoded as a whole, and refused by that where it is damaged.
    package init?(
        _ file: JPEGHeader, _ head: Head, byteCount: UInt64, read: (_ offset: UInt64, _ count: Int) throws -> [UInt8]
    ) throws {
        guard file.order == .rows, !file.isOfInks, !head.isTooLong,
            let frame = try? JPEGRestartFrame(header: head.bytes, keepsColorMarks: true), frame.hasUnits
        else { return nil }
        var scan = RestartScan(frame, at: UInt64(head.end))
        while scan.position < byteCount, !scan.isOver {
            let count = Int(min(UInt64(Self.partByteCount), byteCount - scan.position))
            scan.take(try read(scan.position, count))
        }
        guard let starts = scan.starts else { return nil }
        self.init(frame, starts: starts)
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
