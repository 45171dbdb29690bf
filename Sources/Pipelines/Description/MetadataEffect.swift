/// What an operation does to an image that its file's metadata speaks of.
///
/// Metadata is carried over from an image's file to its result as it is, unless the pipeline makes it wrong.
public struct MetadataEffect: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Rows become columns: horizontal and vertical resolution change places.
    public static let exchangesAxes = MetadataEffect(rawValue: 1 << 0)
    /// The image is turned or mirrored on purpose: no viewer of the result may turn it once more.
    public static let setsOrientation = MetadataEffect(rawValue: 1 << 1)
    /// The samples are no longer the colours of the picture (a colour map, a plot): its colour space does not apply.
    public static let replacesColors = MetadataEffect(rawValue: 1 << 2)

    /// The pixels change, so that a thumbnail among the metadata would show the old picture.
    public static let changesPixels = MetadataEffect(rawValue: 1 << 3)

    /// The effect of an operation after those of this one: two exchanges of the axes are none.
    func followed(by next: MetadataEffect) -> MetadataEffect {
        union(next).subtracting(intersection(next).intersection(.exchangesAxes))
    }
}

extension Pipeline {
    /// What all operations together do to what the metadata speaks of.
    public var metadataEffect: MetadataEffect {
        operations.reduce(operations.isEmpty ? [] : .changesPixels) { $0.followed(by: $1.metadataEffect) }
    }
}
