public import ByteKit

/// Messages the proxy makes itself, for either side.
extension ByteWriter {
    /// AuthenticationOk, or another authentication request with `payload` after its code.
    public mutating func authentication(_ code: Int32, _ payload: [UInt8] = []) {
        let mark = begin(BackendTag.authentication)
        i32(code)
        raw(payload)
        end(mark)
    }

    /// ParameterStatus.
    public mutating func parameterStatus(_ name: String, _ value: String) {
        let mark = begin(BackendTag.parameterStatus)
        cString(name)
        cString(value)
        end(mark)
    }

    /// BackendKeyData.
    public mutating func backendKeyData(processID: UInt32, key: [UInt8]) {
        let mark = begin(BackendTag.backendKeyData)
        u32(processID)
        raw(key)
        end(mark)
    }

    /// ReadyForQuery.
    public mutating func readyForQuery(_ status: TransactionStatus) {
        let mark = begin(BackendTag.readyForQuery)
        u8(status.rawValue)
        end(mark)
    }

    /// NegotiateProtocolVersion: the newest minor version we speak and the options we do not know.
    public mutating func negotiateProtocolVersion(minor: UInt16, unknown options: [String]) {
        let mark = begin(BackendTag.negotiateProtocolVersion)
        u32(UInt32(3) << 16 | UInt32(minor))
        u32(UInt32(truncatingIfNeeded: options.count))
        for option in options { cString(option) }
        end(mark)
    }

    /// CommandComplete with `tag`.
    public mutating func commandComplete(_ tag: String) {
        let mark = begin(BackendTag.commandComplete)
        cString(tag)
        end(mark)
    }

    /// A message with no body.
    public mutating func bare(_ tag: UInt8) {
        u8(tag)
        u32(4)
    }

    /// Simple Query.
    public mutating func query(_ text: String) {
        let mark = begin(FrontendTag.query)
        cString(text)
        end(mark)
    }

    /// Close of a prepared statement (`S`) or portal (`P`).
    public mutating func close(_ what: UInt8, _ name: [UInt8]) {
        let mark = begin(FrontendTag.close)
        u8(what)
        raw(name)
        u8(0)
        end(mark)
    }

    /// A password, SASL or GSS response.
    public mutating func passwordMessage(_ payload: [UInt8]) {
        let mark = begin(FrontendTag.password)
        raw(payload)
        end(mark)
    }

    /// StartupMessage of protocol 3.0.
    public mutating func startup(minor: UInt16 = 0, _ parameters: [(String, String)]) {
        let mark = beginUntagged()
        u32(UInt32(3) << 16 | UInt32(minor))
        for (name, value) in parameters {
            cString(name)
            cString(value)
        }
        u8(0)
        end(mark)
    }

    /// SSLRequest.
    public mutating func sslRequest() {
        let mark = beginUntagged()
        u32(80_877_103)
        end(mark)
    }

    /// CancelRequest.
    public mutating func cancelRequest(processID: UInt32, key: [UInt8]) {
        let mark = beginUntagged()
        u32(80_877_102)
        u32(processID)
        raw(key)
        end(mark)
    }
}
