/// A point of edwards25519 in extended coordinates (RFC 8032 section 5.1.4). Constant time, like its coordinates.
struct CurvePoint {
    private var x: FieldElement, y: FieldElement, z: FieldElement, t: FieldElement

    private static let identity = CurvePoint(x: .zero, y: .one, z: .one, t: .zero)

    /// The generator B.
    private static let base = CurvePoint(
        x: FieldElement(0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d, 0x1ff60527118fe, 0x216936d3cd6e5),
        y: FieldElement(0x6666666666658, 0x4cccccccccccc, 0x1999999999999, 0x3333333333333, 0x6666666666666),
        z: .one,
        t: FieldElement(0x68ab3a5b7dda3, 0x00eea2a5eadbb, 0x2af8df483c27e, 0x332b375274732, 0x67875f0fd78b7))

    /// 2d of the curve's equation.
    private static let twoD = FieldElement(
        0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff)

    /// The complete addition: right for all points, also for a point and itself.
    static func + (p: CurvePoint, q: CurvePoint) -> CurvePoint {
        let a = (p.y - p.x) * (q.y - q.x)
        let b = (p.y + p.x) * (q.y + q.x)
        let c = p.t * q.t * twoD
        let zz = p.z * q.z
        let d = zz + zz
        let (e, f, g, h) = (b - a, d - c, d + c, b + a)
        return CurvePoint(x: e * f, y: g * h, z: f * g, t: e * h)
    }

    /// The generator times a number of 32 bytes, the lowest first. About 0.2 ms.
    static func multiplyingBase(by scalar: [UInt8]) -> CurvePoint {
        var result = identity
        for bit in stride(from: scalar.count &* 8 &- 1, through: 0, by: -1) {
            result = result + result
            let more = result + base
            let isSet = UInt64(scalar[bit >> 3] >> UInt8(truncatingIfNeeded: bit & 7) & 1)
            result = CurvePoint(
                x: result.x.selecting(more.x, if: isSet), y: result.y.selecting(more.y, if: isSet),
                z: result.z.selecting(more.z, if: isSet), t: result.t.selecting(more.t, if: isSet))
        }
        return result
    }

    /// The 32 bytes of a point: y, and the lowest bit of x on top.
    var encoded: [UInt8] {
        let inverse = z.inverted()
        var bytes = (y * inverse).encoded
        bytes[31] |= ((x * inverse).encoded[0] & 1) << 7
        return bytes
    }
}
