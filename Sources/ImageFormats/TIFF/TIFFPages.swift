/// The images of a TIFF file: pages, and the reduced levels of each.
///
///     chain:   page | its reduced levels, its masks | page | ...       (COG and others: NewSubfileType says which is which)
///              page | thumbnail | level | level | label | overview     (Aperio's slides, SVS: levels are what has tiles)
///              page | level | level | overview | map                   (Hamamatsu's slides, NDPI: SourceLens says which is which)
///     SubIFDs: the reduced levels of the page whose field it is        (OME-TIFF, QuPath)
///
/// Directories that are read are remembered, so that a chain or a tree that leads back to itself ends.
package struct TIFFPages {
    /// No file has more pages than its writer could count in 16 bits, and each is read from the file.
    package static let maximumDirectoryCount = 65_536
    /// Directories may overlap, so that few bytes make many fields.
    private static let maximumFieldCount = 4 << 20

    package struct Page {
        package let directory: TIFFDirectory
        /// The largest first.
        package fileprivate(set) var levels: [TIFFDirectory] = []
        /// Masks of transparency, which are not read.
        package fileprivate(set) var maskCount: UInt32 = 0
    }

    /// The page that was asked for.
    package let page: Page
    /// The pages that there are; a lower bound where they were not to be counted.
    package let count: Int

    /// Most files have one page: no more of the chain is read than is asked for.
    ///
    /// - Parameters:
    ///   - number: the page, from 1.
    ///   - findsLevels: whether its reduced levels are looked for.
    ///   - countsPages: whether the pages behind it are counted.
    /// - Throws: `CodecError`; what is damaged in the chain behind the page that was asked for is passed over.
    package init(_ source: TIFFSource, page number: Int, findsLevels: Bool, countsPages: Bool) throws {
        var walk = Walk(source)
        var current: Page?
        var found: Page?
        var count = 0
        // A slide's levels are among the pages, and all of them are the first one's.
        var slideLevels: [TIFFDirectory] = []
        var slidePictures: [String] = []
        while countsPages || (findsLevels ? found == nil || walk.isSlide : count < number) {
            let directory: TIFFDirectory?
            do {
                directory = try walk.next()
            } catch  where count >= number {
                directory = nil
            }
            guard let directory else { break }
            switch try walk.role(of: directory, isFirst: count == 0) {
            case .level where walk.isSlide: slideLevels.append(directory)
            case .level where current != nil: current?.levels.append(directory)
            case .mask where current != nil: current?.maskCount += 1
            case .page, .level, .mask:
                if let name = try walk.name(of: directory, isFirst: count == 0) { slidePictures.append(name) }
                if count == number { found = current }
                count += 1
                current = Page(directory: directory)
            }
        }
        guard count > 0 else {
            throw CodecError.corrupt("The TIFF file is damaged: it has no directory, and so no image.")
        }
        guard var page = found ?? (count == number ? current : nil) else {
            throw CodecError.unsupported(Self.missing(page: number, count: count, slidePictures))
        }
        if findsLevels {
            if number == 1 { page.levels += slideLevels }
            page.levels += try walk.subdirectories(of: page.directory)
            page.levels = try page.levels
                .map { (directory: $0, width: try $0.number(.imageWidth, in: source) ?? 0) }
                .sorted { $0.width > $1.width }
                .map(\.directory)
        }
        self.page = page
        self.count = count
    }

    private static func missing(page number: Int, count: Int, _ slidePictures: [String]) -> String {
        if let last = slidePictures.last, count > 1 {
            let names = slidePictures.dropLast().joined(separator: ", ") + " and " + last
            return "The slide has \(count) pages (\(names)), and page \(number) was asked for."
        }
        return "The TIFF file has \(count == 1 ? "one page" : "\(count) pages"), and page \(number) was asked for."
    }

    /// The directory of a reduced level of the page; 0 is the page itself.
    package func directory(ofLevel level: Int) throws(CodecError) -> TIFFDirectory {
        guard level > 0 else { return page.directory }
        guard level <= page.levels.count else {
            throw .unsupported(
                page.levels.isEmpty
                    ? "The image of the TIFF file has no reduced levels, and level \(level) was asked for."
                    : "The image of the TIFF file has \(page.levels.count) reduced levels, and level \(level) was asked for."
            )
        }
        return page.levels[level - 1]
    }

    /// Follows the chain of directories.
    private struct Walk {
        enum Role { case page, level, mask }

        let source: TIFFSource
        private var seen: Set<UInt64> = []
        private var offset: UInt64
        private var fieldCount = 0
        /// The maker of a slide, whose levels do not say that they are.
        private var slide: Slide?
        var isSlide: Bool { slide != nil }

        private enum Slide: Hashable {
            case aperio
            /// The plane in focus that the first directory is of: each plane has levels of its own.
            case hamamatsu(focalPlane: [UInt8])
        }

        init(_ source: TIFFSource) {
            self.source = source
            offset = source.firstDirectory
        }

        /// - Returns: `nil` after the last.
        mutating func next() throws -> TIFFDirectory? {
            guard offset != 0 else { return nil }
            guard seen.insert(offset).inserted else {
                throw CodecError.corrupt(
                    "The TIFF file is damaged: its directories form a loop (the one at byte \(offset) comes twice).")
            }
            guard seen.count <= TIFFPages.maximumDirectoryCount else {
                throw CodecError.overLimit(
                    "The TIFF file has more than \(TIFFPages.maximumDirectoryCount) directories. Cut it into several files."
                )
            }
            let directory = try TIFFDirectory(at: offset, in: source)
            fieldCount += directory.fieldCount
            guard fieldCount <= TIFFPages.maximumFieldCount else {
                throw CodecError.overLimit(
                    "The TIFF file has more than \(TIFFPages.maximumFieldCount) fields in its directories. Cut it into several "
                        + "files.")
            }
            if seen.count == 1 { try look(at: directory) }
            offset = directory.next
            return directory
        }

        /// What the first directory says of the whole file.
        private mutating func look(at first: TIFFDirectory) throws {
            if first[.imageDescription] != nil, let field = first[.imageDescription], field.byteCount >= 6 {
                let start = try source.bytes(at: field.offset, count: 6, "its description")
                if start.elementsEqual("Aperio".utf8) { slide = .aperio }
            }
            if source.form == .hamamatsu {
                slide = .hamamatsu(focalPlane: try first.bytes(.focalPlane, in: source) ?? [])
            }
            let isPreview = try Self.isReduced(first, source) && first[.subIFDs] != nil
            guard first[.dngVersion] == nil, !isPreview else {
                throw CodecError.unsupported(
                    "The TIFF file is a camera's raw file: it holds the sensor's samples and a preview, not a picture. "
                        + "Develop it with the camera's program, and send what that saves.")
            }
        }

        func role(of directory: TIFFDirectory, isFirst: Bool) throws -> Role {
            switch slide {
            case .aperio: return !isFirst && directory[.tileWidth] != nil ? .level : .page
            case .hamamatsu(let focalPlane):
                let lens = try directory.float(.sourceLens, in: source) ?? 0
                let isOfFirst = try directory.bytes(.focalPlane, in: source) ?? [] == focalPlane
                return !isFirst && lens > 0 && isOfFirst ? .level : .page
            case nil: break
            }
            if let kind = try directory.number(.newSubfileType, in: source), kind & 4 != 0 { return .mask }
            return try Self.isReduced(directory, source) ? .level : .page
        }

        /// What the picture of a slide that a page is shows; `nil` in other files.
        func name(of page: TIFFDirectory, isFirst: Bool) throws -> String? {
            switch slide {
            case nil: return nil
            case _ where isFirst: return "the tissue"
            case .aperio:
                switch try page.number(.newSubfileType, in: source) {
                case 1: return "the label"
                case 9: return "the whole glass"
                default: return "a thumbnail"
                }
            case .hamamatsu:
                switch try page.float(.sourceLens, in: source) {
                case -1: return "the whole glass"
                case -2: return "a map"
                default: return "another plane in focus"
                }
            }
        }

        private static func isReduced(_ directory: TIFFDirectory, _ source: TIFFSource) throws -> Bool {
            if let kind = try directory.number(.newSubfileType, in: source) { return kind & 1 != 0 }
            return try directory.number(.subfileType, in: source) == 2
        }

        /// The reduced levels that a page names itself.
        mutating func subdirectories(of page: TIFFDirectory) throws -> [TIFFDirectory] {
            guard let field = page[.subIFDs], field.count <= 64,
                let offsets = try page.numbers(.subIFDs, count: Int(field.count), in: source)
            else { return [] }
            var levels: [TIFFDirectory] = []
            for offset in offsets {
                guard seen.insert(offset).inserted else {
                    throw CodecError.corrupt(
                        "The TIFF file is damaged: its directories form a loop (the one at byte \(offset) comes twice)."
                    )
                }
                let directory = try TIFFDirectory(at: offset, in: source)
                if try Self.isReduced(directory, source) { levels.append(directory) }
            }
            return levels
        }
    }
}
