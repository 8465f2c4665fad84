/// A number modulo 2^255 - 19, in five limbs of 51 bits. Every operation takes the same time for all numbers.
///
/// libcrypto has Ed25519, but only for keys made from seeds of 32 bytes; MariaDB's keys are made from passwords.
struct FieldElement {
    private var a: UInt64, b: UInt64, c: UInt64, d: UInt64, e: UInt64

    private static let mask: UInt64 = 0x7_FFFF_FFFF_FFFF

    init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64, _ e: UInt64) {
        self.a = a
        self.b = b
        self.c = c
        self.d = d
        self.e = e
    }

    static let zero = FieldElement(0, 0, 0, 0, 0)
    static let one = FieldElement(1, 0, 0, 0, 0)

    /// Limbs back below 2^51 and a bit.
    private func carried() -> FieldElement {
        var r = self
        r.b &+= r.a >> 51
        r.a &= Self.mask
        r.c &+= r.b >> 51
        r.b &= Self.mask
        r.d &+= r.c >> 51
        r.c &= Self.mask
        r.e &+= r.d >> 51
        r.d &= Self.mask
        r.a &+= (r.e >> 51) &* 19
        r.e &= Self.mask
        return r
    }

    static func + (x: FieldElement, y: FieldElement) -> FieldElement {
        FieldElement(x.a &+ y.a, x.b &+ y.b, x.c &+ y.c, x.d &+ y.d, x.e &+ y.e).carried()
    }

    /// 4p is added first, so that no limb goes below zero.
    static func - (x: FieldElement, y: FieldElement) -> FieldElement {
        let low: UInt64 = 0x1F_FFFF_FFFF_FFB4
        let high: UInt64 = 0x1F_FFFF_FFFF_FFFC
        return FieldElement(
            x.a &+ low &- y.a, x.b &+ high &- y.b, x.c &+ high &- y.c, x.d &+ high &- y.d, x.e &+ high &- y.e
        ).carried()
    }

    static func * (x: FieldElement, y: FieldElement) -> FieldElement {
        func p(_ u: UInt64, _ v: UInt64) -> UInt128 { UInt128(u) &* UInt128(v) }
        let (b19, c19, d19, e19) = (x.b &* 19, x.c &* 19, x.d &* 19, x.e &* 19)
        let r0 = p(x.a, y.a) &+ p(b19, y.e) &+ p(c19, y.d) &+ p(d19, y.c) &+ p(e19, y.b)
        var r1 = p(x.a, y.b) &+ p(x.b, y.a) &+ p(c19, y.e) &+ p(d19, y.d) &+ p(e19, y.c)
        var r2 = p(x.a, y.c) &+ p(x.b, y.b) &+ p(x.c, y.a) &+ p(d19, y.e) &+ p(e19, y.d)
        var r3 = p(x.a, y.d) &+ p(x.b, y.c) &+ p(x.c, y.b) &+ p(x.d, y.a) &+ p(e19, y.e)
        var r4 = p(x.a, y.e) &+ p(x.b, y.d) &+ p(x.c, y.c) &+ p(x.d, y.b) &+ p(x.e, y.a)
        func low(_ r: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: r) & mask }
        r1 &+= r0 >> 51
        r2 &+= r1 >> 51
        r3 &+= r2 >> 51
        r4 &+= r3 >> 51
        // Below 2^64: the top limb's carry is below 2^59.
        let top = UInt64(truncatingIfNeeded: r4 >> 51) &* 19
        return FieldElement(low(r0) &+ top, low(r1), low(r2), low(r3), low(r4)).carried()
    }

    /// 1 / self, which is self to the power of p - 2.
    func inverted() -> FieldElement {
        var result = FieldElement.one
        // p - 2 in binary: 250 ones, then 01011.
        for bit in stride(from: 254, through: 0, by: -1) {
            result = result * result
            if bit != 2 && bit != 4 { result = result * self }
        }
        return result
    }

    /// `other` if `bit` is 1, `self` if it is 0, without a branch.
    func selecting(_ other: FieldElement, if bit: UInt64) -> FieldElement {
        let all = 0 &- bit
        func pick(_ x: UInt64, _ y: UInt64) -> UInt64 { x ^ (all & (x ^ y)) }
        return FieldElement(
            pick(a, other.a), pick(b, other.b), pick(c, other.c), pick(d, other.d), pick(e, other.e))
    }

    /// The 32 bytes of the number itself, below p, the lowest first.
    var encoded: [UInt8] {
        var r = carried().carried()
        // One more than 2^255 exactly if the number is p or more.
        var q = (r.a &+ 19) >> 51
        q = (r.b &+ q) >> 51
        q = (r.c &+ q) >> 51
        q = (r.d &+ q) >> 51
        q = (r.e &+ q) >> 51
        r.a &+= 19 &* q
        r = FieldElement(
            r.a & Self.mask, r.b &+ r.a >> 51, r.c, r.d, r.e)
        r.c &+= r.b >> 51
        r.b &= Self.mask
        r.d &+= r.c >> 51
        r.c &= Self.mask
        r.e &+= r.d >> 51
        r.d &= Self.mask
        r.e &= Self.mask
        let words = [r.a | r.b << 51, r.b >> 13 | r.c << 38, r.c >> 26 | r.d << 25, r.d >> 39 | r.e << 12]
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 &* UInt64($0))) } }
    }
}
