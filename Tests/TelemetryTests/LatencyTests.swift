import Testing

@testable import Telemetry

@Suite struct LatencyTests {
    @Test func bucketsCoverAllValuesWithoutGaps() {
        var previous = -1
        for bucket in 0..<LatencySnapshot.bucketCount {
            let upper = LatencySnapshot.upperBound(ofBucket: bucket)
            #expect(LatencySnapshot.bucket(of: upper) == bucket)
            #expect(LatencySnapshot.bucket(of: UInt64(previous + 1)) == bucket)
            // No wider than a sixteenth of its value.
            let width = Int(upper) - previous
            #expect(width == 1 || width * 16 <= Int(upper) + 1)
            previous = Int(upper)
        }
        #expect(previous == (1 << 32) - 1)
        #expect(LatencySnapshot.bucket(of: .max) == LatencySnapshot.bucketCount - 1)
    }

    @Test func quantilesAreNearTheTruth() {
        let histogram = LatencyHistogram()
        for value in 1...10_000 { histogram.record(Int64(value)) }
        let snapshot = histogram.snapshot()
        #expect(snapshot.count == 10_000 && snapshot.sum == 50_005_000 && snapshot.maximum == 10_000)
        #expect(snapshot.mean == 5_000)
        for (fraction, truth) in [(0.0, 1.0), (0.5, 5_000), (0.9, 9_000), (0.99, 9_900), (1.0, 10_000)] {
            let found = Double(snapshot.quantile(fraction))
            #expect(found >= truth && found <= truth * 1.0625)
        }
        #expect(snapshot.count(upTo: 15) == 15)
        #expect(snapshot.count(upTo: .max) == 10_000)
    }

    @Test func snapshotsAddAndSubtract() {
        let (a, b) = (LatencyHistogram(), LatencyHistogram())
        a.record(5)
        let earlier = a.snapshot()
        a.record(500)
        b.record(-3)
        b.record(.max)
        var sum = a.snapshot()
        sum.merge(b.snapshot())
        #expect(sum.count == 4 && sum.maximum == UInt64(Int64.max))
        let recent = a.snapshot().since(earlier)
        #expect(recent.count == 1 && recent.sum == 500 && recent.quantile(0.5) == 500)
        #expect(LatencySnapshot().quantile(0.5) == 0 && LatencySnapshot().mean == 0)
    }

    @Test func countersCount() {
        let counter = LoopCounter()
        counter.add()
        counter.add(41)
        #expect(counter.value == 42)
        let gauge = Gauge()
        gauge.add(5)
        gauge.add(-7)
        #expect(gauge.value == -2)
        gauge.set(9)
        #expect(gauge.value == 9)
    }
}
