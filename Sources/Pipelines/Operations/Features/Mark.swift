/// The colour in which features are marked.
package enum MarkColor: String, CaseIterable, Sendable {
    /// Red, and cyan on pixels that are reddish themselves.
    case auto
    case red, green, blue, yellow, cyan, magenta, white, black

    static let parameter = ParameterDescription(
        "color", "the colour of the marks; auto: red, and cyan where the image is reddish",
        .choice(allCases.map(\.rawValue)), default: .word(auto.rawValue))
}

/// How large marks are when nobody says it: they grow with the image, so that they are seen on a screen that it fills.
package enum MarkSize {
    /// The width of a line: 1 pixel on images of up to 450 pixels along the shorter side, and odd.
    static func line(_ image: ImageShape) -> Int { (min(image.width, image.height) + 150) / 300 | 1 }

    /// The side of a cross: 5 pixels on images of up to 450 pixels along the shorter side, and odd.
    static func cross(_ image: ImageShape) -> Int { 2 * max(2, min(image.width, image.height) / 150) + 1 }

    static func width(_ what: String) -> ParameterDescription {
        ParameterDescription(
            "width", "the width of \(what); auto: 1, and more on images of more than 450 pixels along the shorter side",
            .oddInteger(1...255), mayBeAuto: true, default: .auto, unit: "pixels")
    }
}
