import Pipelines

/// Numbers of several rows, or columns, that are transformed at once: a lane each.
///
/// The arithmetic is required by name, so that generic code reaches that of the concrete type: single instructions.
protocol FourierLanes: SIMD where Scalar: BinaryFloatingPoint {
    static func sum(_ a: Self, _ b: Self) -> Self
    static func difference(_ a: Self, _ b: Self) -> Self
    static func product(_ a: Self, _ b: Self) -> Self
    static func product(_ a: Self, _ b: Scalar) -> Self
    /// `a` over each lane of `b`.
    static func quotient(_ a: Scalar, _ b: Self) -> Self
    static func number(_ level: Int32) -> Scalar
    /// Clamped to `0...largest`, to nearest, ties to even.
    static func level(_ number: Scalar, upTo largest: Int32) -> Int32
}

extension SIMD8: FourierLanes where Scalar == Float {
    @inline(__always)
    static func sum(_ a: Self, _ b: Self) -> Self { a + b }
    @inline(__always)
    static func difference(_ a: Self, _ b: Self) -> Self { a - b }
    @inline(__always)
    static func product(_ a: Self, _ b: Self) -> Self { a * b }
    @inline(__always)
    static func product(_ a: Self, _ b: Float) -> Self { a * b }
    @inline(__always)
    static func quotient(_ a: Float, _ b: Self) -> Self { a / b }
    @inline(__always)
    static func number(_ level: Int32) -> Float { Float(level) }
    @inline(__always)
    static func level(_ number: Float, upTo largest: Int32) -> Int32 { roundedLevel(number, upTo: largest) }
}

extension SIMD4: FourierLanes where Scalar == Double {
    @inline(__always)
    static func sum(_ a: Self, _ b: Self) -> Self { a + b }
    @inline(__always)
    static func difference(_ a: Self, _ b: Self) -> Self { a - b }
    @inline(__always)
    static func product(_ a: Self, _ b: Self) -> Self { a * b }
    @inline(__always)
    static func product(_ a: Self, _ b: Double) -> Self { a * b }
    @inline(__always)
    static func quotient(_ a: Double, _ b: Self) -> Self { a / b }
    @inline(__always)
    static func number(_ level: Int32) -> Double { Double(level) }
    @inline(__always)
    static func level(_ number: Double, upTo largest: Int32) -> Int32 { roundedLevel(number, upTo: largest) }
}

/// A complex constant.
struct ComplexNumber<Scalar: BinaryFloatingPoint> {
    let real: Scalar
    let imaginary: Scalar

    /// e^(-2 pi i numerator / denominator).
    init(root numerator: Int, of denominator: Int) {
        let (cosine, sine) = direction(degrees: -360 * Double(numerator % denominator) / Double(denominator))
        (real, imaginary) = (Scalar(cosine), Scalar(sine))
    }

    init(real: Scalar, imaginary: Scalar) { (self.real, self.imaginary) = (real, imaginary) }

    var conjugate: Self { Self(real: real, imaginary: imaginary * -1) }
}

/// A complex number in each lane; 64 bytes, a line of the cache.
struct ComplexLanes<Lanes: FourierLanes> {
    typealias Row = UnsafeMutablePointer<ComplexLanes>
    typealias Constant = ComplexNumber<Lanes.Scalar>

    var real: Lanes
    var imaginary: Lanes

    static var zero: Self { Self(real: Lanes(), imaginary: Lanes()) }

    @inline(__always)
    static func + (a: Self, b: Self) -> Self {
        Self(real: Lanes.sum(a.real, b.real), imaginary: Lanes.sum(a.imaginary, b.imaginary))
    }

    @inline(__always)
    static func - (a: Self, b: Self) -> Self {
        Self(real: Lanes.difference(a.real, b.real), imaginary: Lanes.difference(a.imaginary, b.imaginary))
    }

    @inline(__always)
    static func * (a: Self, b: Lanes.Scalar) -> Self {
        Self(real: Lanes.product(a.real, b), imaginary: Lanes.product(a.imaginary, b))
    }

    @inline(__always)
    static func * (a: Self, b: Constant) -> Self {
        Self(
            real: Lanes.difference(Lanes.product(a.real, b.real), Lanes.product(a.imaginary, b.imaginary)),
            imaginary: Lanes.sum(Lanes.product(a.real, b.imaginary), Lanes.product(a.imaginary, b.real)))
    }

    /// Times -i.
    @inline(__always)
    var turned: Self { Self(real: imaginary, imaginary: Lanes.product(real, -1)) }
    @inline(__always)
    var conjugate: Self { Self(real: real, imaginary: Lanes.product(imaginary, -1)) }
    @inline(__always)
    var exchanged: Self { Self(real: imaginary, imaginary: real) }

    /// `count` numbers, all zero.
    static func allocate(_ count: Int) -> Row {
        let bytes = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, count) * MemoryLayout<Self>.stride, alignment: 64)
        let row = bytes.bindMemory(to: Self.self, capacity: count)
        row.initialize(repeating: zero, count: count)
        return row
    }

    /// Makes lanes of numbers, and numbers of lanes: `target[r]` gets lane r of each of `source`.
    static func transpose(_ source: Row, count: Int, to target: Row, count targetCount: Int) {
        let lanes = Lanes.scalarCount
        let from = UnsafeRawPointer(source).assumingMemoryBound(to: Lanes.Scalar.self)
        let to = UnsafeMutableRawPointer(target).assumingMemoryBound(to: Lanes.Scalar.self)
        for r in 0..<targetCount {
            for index in 0..<count {
                to[2 * r * lanes + index] = from[2 * index * lanes + r]
                to[(2 * r + 1) * lanes + index] = from[(2 * index + 1) * lanes + r]
            }
        }
    }
}
