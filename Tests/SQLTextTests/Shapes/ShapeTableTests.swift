import ByteKit
import Testing

@testable import SQLText

@Suite struct ShapeTableTests {
    private let cache = StatementCache()
    private let table = ShapeTable()

    private func shape(_ text: String, _ options: LexerOptions = LexerOptions()) -> StatementShape {
        with(text) { cache.shape(of: $0, options, in: table) }
    }

    @Test func textsThatDifferInValuesShareAShape() {
        #expect(shape("SELECT a FROM t WHERE b = 1") === shape("SELECT a FROM t WHERE b = 'x'"))
        #expect(shape("SELECT a FROM t WHERE b = 1") !== shape("SELECT c FROM t WHERE b = 1"))
    }

    @Test func theShapeOfAnEntryIsRemembered() {
        let entry = with("SELECT a FROM t WHERE b = 3") { cache.entry(text: $0, types: RawSpan()) }
        let first = cache.shape(of: entry, LexerOptions(), in: table)
        #expect(cache.shape(of: entry, LexerOptions(), in: table) === first)
        #expect(first === shape("SELECT a FROM t WHERE b = 4"))
        #expect(first.fingerprint == entry.facts.fingerprint)
    }

    @Test func whatCannotBeReadIsNotShown() {
        let found = shape("ALTER ROLE u PASSWORD 'canary")
        #expect(found.isWithheld)
        #expect(found.classes == StatementClasses(.unknown))
        #expect(!found.parts.contains { String(decoding: $0.text, as: UTF8.self).contains("canary") })
    }

    @Test func codeInAVersionCommentIsNotHiddenByIt() {
        let options = LexerOptions(dialect: .mysql)
        let cache = StatementCache(dialect: .mysql)
        let found = with("SELECT 1 /*! INTO OUTFILE 'x' */") {
            cache.shape(of: $0, options, in: ShapeTable(dialect: .mysql))
        }
        #expect(found.parts.first?.writes == true)
    }

    @Test func aTraceIsFoundInAComment() {
        let context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let expected = TraceContext(
            traceHigh: 0x4bf9_2f35_77b3_4da6, traceLow: 0xa3ce_929d_0e0e_4736, span: 0x00f0_67aa_0ba9_02b7)
        let plain = shape("SELECT 1")
        #expect(table.trace == nil)
        for comment in [
            "SELECT 1 /*traceparent='\(context)'*/", "/* traceparent: \(context) */ SELECT 1",
            "SELECT /*app='x',traceparent='\(context)',b='y'*/ 1", "SELECT 1 -- traceparent=\(context)",
        ] {
            _ = shape(comment)
            #expect(table.trace == expected, "\(comment)")
        }
        #expect(shape("SELECT 1 /*traceparent='\(context)'*/") === plain)
        _ = shape("SELECT 'traceparent=\(context)'")
        #expect(table.trace == nil)
        _ = shape("SELECT 1 /*traceparent='00-zz'*/")
        #expect(table.trace == nil)
    }

    @Test func theTableIsBounded() {
        for number in 0...ShapeTable.mostShapes { _ = shape("SELECT a\(number) FROM t") }
        #expect(shape("SELECT 1") === shape("SELECT 2"))
    }
}
