/// The number of a field in a directory of a TIFF file (TIFF 6.0, and what was registered since).
package struct TIFFTag: Hashable, Sendable, ExpressibleByIntegerLiteral {
    package let number: UInt16

    package init(number: UInt16) { self.number = number }
    package init(integerLiteral number: UInt16) { self.number = number }

    package static let newSubfileType: TIFFTag = 254
    package static let subfileType: TIFFTag = 255
    package static let imageWidth: TIFFTag = 256
    package static let imageLength: TIFFTag = 257
    package static let bitsPerSample: TIFFTag = 258
    package static let compression: TIFFTag = 259
    package static let photometric: TIFFTag = 262
    package static let fillOrder: TIFFTag = 266
    package static let imageDescription: TIFFTag = 270
    package static let make: TIFFTag = 271
    package static let model: TIFFTag = 272
    package static let stripOffsets: TIFFTag = 273
    package static let orientation: TIFFTag = 274
    package static let samplesPerPixel: TIFFTag = 277
    package static let rowsPerStrip: TIFFTag = 278
    package static let stripByteCounts: TIFFTag = 279
    package static let xResolution: TIFFTag = 282
    package static let yResolution: TIFFTag = 283
    package static let planarConfiguration: TIFFTag = 284
    package static let resolutionUnit: TIFFTag = 296
    package static let software: TIFFTag = 305
    package static let dateTime: TIFFTag = 306
    package static let artist: TIFFTag = 315
    package static let predictor: TIFFTag = 317
    package static let colorMap: TIFFTag = 320
    package static let tileWidth: TIFFTag = 322
    package static let tileLength: TIFFTag = 323
    package static let tileOffsets: TIFFTag = 324
    package static let tileByteCounts: TIFFTag = 325
    package static let subIFDs: TIFFTag = 330
    package static let inkSet: TIFFTag = 332
    package static let extraSamples: TIFFTag = 338
    package static let sampleFormat: TIFFTag = 339
    package static let jpegTables: TIFFTag = 347
    package static let yCbCrSubsampling: TIFFTag = 530
    package static let xmp: TIFFTag = 700
    package static let copyright: TIFFTag = 33432
    package static let iptc: TIFFTag = 33723
    package static let exifIFD: TIFFTag = 34665
    package static let profile: TIFFTag = 34675
    package static let gpsIFD: TIFFTag = 34853
    package static let dngVersion: TIFFTag = 50706

    // Of Hamamatsu's slides (NDPI); the names are OpenSlide's and tifffile's.
    /// Their mark.
    package static let hamamatsuFormat: TIFFTag = 65420
    /// The magnification: -1 is a picture of the whole glass, -2 a map of where there is tissue.
    package static let sourceLens: TIFFTag = 65421
    /// How far the plane in focus is from the middle one.
    package static let focalPlane: TIFFTag = 65424
    /// Where each restart interval of the picture's JPEG data begins, from the start of its strip.
    package static let mcuStarts: TIFFTag = 65426
    /// The higher 32 bits of the same.
    package static let mcuStartsHigh: TIFFTag = 65432
}

/// The type of a field's values.
package enum TIFFType: UInt16, Hashable, Sendable {
    case byte = 1
    case ascii = 2
    case short = 3
    case long = 4
    case rational = 5
    case signedByte = 6
    case undefined = 7
    case signedShort = 8
    case signedLong = 9
    case signedRational = 10
    case float = 11
    case double = 12
    case directory = 13
    case long8 = 16
    case signedLong8 = 17
    case directory8 = 18

    /// Bytes of a value.
    package var byteCount: Int {
        switch self {
        case .byte, .ascii, .signedByte, .undefined: 1
        case .short, .signedShort: 2
        case .long, .signedLong, .float, .directory: 4
        case .rational, .signedRational, .double, .long8, .signedLong8, .directory8: 8
        }
    }

    /// Bytes that change places between the two byte orders.
    package var wordByteCount: Int {
        switch self {
        case .rational, .signedRational: 4
        default: byteCount
        }
    }

    /// Whether values are whole numbers of 32 bits without a sign.
    var isLong: Bool { self == .long || self == .directory }

    /// Whether values are whole numbers without a sign.
    package var isUnsigned: Bool {
        switch self {
        case .byte, .short, .long, .directory, .long8, .directory8: true
        default: false
        }
    }
}

/// How strips and tiles are compressed, of what is read here.
package enum TIFFCompression: UInt16, Hashable, Sendable, CaseIterable {
    case none = 1
    case lzw = 5
    case jpeg = 7
    case deflate = 8
    case packBits = 32773
    /// The number that deflate had before it was registered.
    case oldDeflate = 32946
    case zstd = 50000

    /// More bytes than this are never made of one, whatever the data.
    package var maximumExpansion: UInt64 {
        switch self {
        case .none: 1
        // Two bytes stand for 128.
        case .packBits: 64
        // A code of 12 bits stands for a string of at most 3,839 bytes.
        case .lzw: 2_560
        case .deflate, .oldDeflate: DecodingLimits.deflateExpansion
        // A block of 16 x 16 pixels has six coefficients of a bit each, or one for 64 pixels of each channel.
        case .jpeg: 4_096
        // A block of four bytes repeats a byte 128 Ki times.
        case .zstd: 32_768
        }
    }

    /// What the numbers that are not read stand for.
    package static func name(of number: UInt64) -> String {
        switch number {
        case 2, 3, 4, 32771: "CCITT fax"
        case 6: "old-style JPEG"
        case 9, 10, 34661: "JBIG"
        case 32766: "NeXT"
        case 32809: "ThunderScan"
        case 33003, 33004, 33005, 34712: "JPEG 2000"
        case 34676, 34677: "LogLuv"
        case 34887: "LERC"
        case 34925: "LZMA"
        case 50001: "WebP"
        case 50002, 52546: "JPEG XL"
        default: "an unknown method"
        }
    }
}
