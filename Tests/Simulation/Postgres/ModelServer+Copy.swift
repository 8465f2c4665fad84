import ByteKit
import PostgresWire

/// COPY FROM STDIN.
extension ModelServer {
    func copyInResponse() {
        copied = 0
        let mark = out.begin(BackendTag.copyInResponse)
        for byte: UInt8 in [0, 0, 1, 0, 0] { out.u8(byte) }
        out.end(mark)
    }

    func copyMessage(_ tag: UInt8, _ body: [UInt8]) {
        guard let target = copy else { return }
        switch tag {
        case FrontendTag.copyData: copied += body.count
        case FrontendTag.flush, FrontendTag.sync: break
        case FrontendTag.copyDone:
            copy = nil
            out.commandComplete("COPY \(copied)")
            if case .simple(let rest, let isMulti) = target {
                do throws(ModelError) {
                    try run(rest, isMulti: isMulti)
                } catch {
                    fail(error)
                    ready()
                }
            }
        default:
            copy = nil
            let why = tag == FrontendTag.copyFail ? "COPY from stdin failed: \(text(body, 0).0)" : "unexpected message"
            fail(ModelError(sqlstate: "57014", message: why))
            if case .simple = target { ready() } else { skipping = true }
        }
    }
}
