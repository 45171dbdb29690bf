import JobModel

/// The metadata of WebP files: three kinds of chunks, of each at most one.
///
/// Framed, for a file: whole chunks in the order of a file: `ICCP`, `EXIF`, `XMP `.
package enum WebPMetadata {
    private static let exifMark = Array("Exif\0\0".utf8)

    /// The EXIF data of a chunk, before which some programs write the mark that JPEG has.
    static func exif(_ data: [UInt8]) -> EXIFData? {
        EXIFData(data.starts(with: exifMark) ? Array(data.dropFirst(exifMark.count)) : data)
    }

    package static func framed(_ metadata: ImageMetadata) -> [UInt8] {
        // There is no gray, so that a profile of gray levels would not be one of the image.
        let profile = metadata.profileOfColors(isGray: false).flatMap {
            ICCProfile.colorSpace(of: $0) == "GRAY" ? nil : $0
        }
        let exif = metadata.exifWithTexts(saysResolution: true)
        return [(WebPContainer.Name.profile, profile), (.exif, exif), (.packet, metadata.xmp)]
            .reduce(into: []) { framed, part in
                guard let data = part.1, !data.isEmpty, data.count <= Int(Int32.max) else { return }
                framed += WebPContainer.chunk(part.0, data)
            }
    }

    /// The metadata of a file, and what was left out.
    package static func collected(
        _ header: WebPHeader, limits: DecodingLimits, data: (WebPContainer.Chunk) -> [UInt8]
    ) -> (metadata: ImageMetadata, remarks: [ImageRemark]) {
        var metadata = ImageMetadata()
        var ignored = header.ignored
        var overLimit: [WebPContainer.Chunk] = []
        for chunk in header.metadata {
            guard chunk.byteCount <= limits.maximumMetadataByteCount else {
                overLimit.append(chunk)
                continue
            }
            let bytes = data(chunk)
            switch chunk.name {
            case .profile: metadata.profile = bytes
            case .exif:
                metadata.exif = exif(bytes)?.bytes
                if metadata.exif == nil { ignored.append(chunk) }
            default:
                if String(validating: bytes, as: UTF8.self) != nil {
                    metadata.xmp = bytes
                } else {
                    ignored.append(chunk)
                }
            }
        }
        let remarks = [(ImageRemark.Code.metadataOverLimit, overLimit), (.partsIgnored, ignored)]
            .filter { !$0.1.isEmpty }
            .map {
                ImageRemark($0.0, count: UInt32(clamping: $0.1.count), byteCount: $0.1.reduce(0) { $0 + $1.byteCount })
            }
        return (metadata, remarks)
    }

    /// Cuts framed metadata in what is before the image data and what is behind.
    ///
    /// - Throws: `CodecError` (corrupt) unless it is whole chunks of the three kinds, in order.
    static func split(framed: [UInt8]) throws(CodecError) -> (
        profile: [UInt8], others: [UInt8], flags: WebPContainer.Flags
    ) {
        var kinds: [(name: WebPContainer.Name, flag: WebPContainer.Flags)] = [
            (.packet, .packet), (.exif, .exif), (.profile, .profile),
        ]
        var flags: WebPContainer.Flags = []
        var profileEnd = 0
        var offset = 0
        while offset < framed.count {
            guard framed.count - offset > WebPContainer.chunkHeadByteCount else {
                throw .corrupt("The metadata is truncated at byte \(offset) of \(framed.count).")
            }
            let name = WebPContainer.Name(letters: Array(framed[offset..<offset + 4]))
            let count = Int(WebPContainer.littleEndianInteger(framed[offset + 4..<offset + 8]))
            let end = offset + 8 + count + count % 2
            guard end <= framed.count, count % 2 == 0 || framed[end - 1] == 0 else {
                throw .corrupt("The metadata is truncated at byte \(offset) of \(framed.count).")
            }
            while let next = kinds.last, next.name != name { kinds.removeLast() }
            guard let kind = kinds.popLast() else {
                throw .corrupt(
                    "The metadata has a chunk \"\(name)\", which is not metadata, there twice, or out of order.")
            }
            flags.insert(kind.flag)
            if name == .profile { profileEnd = end }
            offset = end
        }
        return (Array(framed[..<profileEnd]), Array(framed[profileEnd...]), flags)
    }
}
