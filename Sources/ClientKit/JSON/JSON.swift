public import JSONText

/// A JSON value; see `JSONText`.
public typealias JSON = JSONText.JSON

package typealias ArithmeticText = JSONText.ArithmeticText
