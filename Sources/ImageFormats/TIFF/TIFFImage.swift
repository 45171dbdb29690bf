import JobModel

/// The image of a TIFF file that is to be decoded, and what the file says of it.
package struct TIFFImage: Sendable {
    package let layout: TIFFLayout
    package let orientation: UInt8
    /// Pages besides the one that was asked for.
    package let otherPageCount: Int
    /// Masks of the page, which are not read.
    package let maskCount: UInt32
    package let metadata: ImageMetadata
    package let overLimit: (count: UInt32, byteCount: UInt64)
    /// Parts that would belong to the output, and are damaged.
    package let ignoredCount: UInt32

    /// - Parameter isComplete: whether the pages are counted and the metadata is read; the layout needs neither.
    package init(_ source: TIFFSource, limits: DecodingLimits, isComplete: Bool) throws {
        let options = limits.options
        let number = options.page ?? 1
        guard number >= 1, options.level >= 0 else {
            throw CodecError.unsupported(
                "Page \(number), level \(options.level) cannot exist: pages are counted from 1, levels from 0."
            )
        }
        let pages = try TIFFPages(source, page: number, findsLevels: options.level > 0, countsPages: isComplete)
        let page = pages.page.directory
        layout = try TIFFLayout(try pages.directory(ofLevel: options.level), ofPage: page, in: source, limits: limits)
        let turn = try page.number(.orientation, in: source) ?? 1
        orientation = (1...8).contains(turn) ? UInt8(turn) : 1
        otherPageCount = pages.count - 1
        maskCount = pages.page.maskCount
        if isComplete {
            let found = try TIFFMetadata(page, in: source, limits: limits)
            var metadata = found.metadata
            // What inks become.
            if layout.encoding.photometric == .separated { metadata.profile = ICCProfile.sRGB }
            self.metadata = metadata
            overLimit = found.overLimit
            ignoredCount = found.ignoredCount
        } else {
            metadata = ImageMetadata()
            overLimit = (0, 0)
            ignoredCount = 0
        }
    }

    package var header: ImageHeader {
        ImageHeader(shape: layout.shape, order: layout.order, orientation: orientation)
    }

    /// What was left out, for the file's owner; what was damaged in the pixels is not known yet.
    package func remarks(_ options: DecodingOptions) -> [ImageRemark] {
        var remarks: [ImageRemark] = []
        if overLimit.count > 0 {
            remarks.append(ImageRemark(.metadataOverLimit, count: overLimit.count, byteCount: overLimit.byteCount))
        }
        // A channel of no meaning, masks, damaged directories.
        let ignored = ignoredCount + maskCount + (layout.encoding.extra == .dropped ? 1 : 0)
        if ignored > 0 { remarks.append(ImageRemark(.partsIgnored, count: ignored, byteCount: 0)) }
        if options.page == nil, otherPageCount > 0 {
            remarks.append(ImageRemark(.pagesLeftOut, count: UInt32(otherPageCount), byteCount: 0))
        }
        return remarks
    }
}
