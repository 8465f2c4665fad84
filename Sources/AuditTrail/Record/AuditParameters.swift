/// Values of a statement's parameters, in the form `AuditProducer.record` takes them.
public enum AuditParameters {
    /// One object of `headgate.parameters` for each: `i`, and by policy `type`, `len`, `null`, `hmac`, `value`.
    public static func render(_ parameters: [[AuditField]]) -> [UInt8] {
        var line = LineBuffer(capacity: 256)
        for (index, fields) in parameters.enumerated() {
            if index > 0 { line.byte(0x2C) }
            line.value(.object(fields))
        }
        return line.array()
    }
}
