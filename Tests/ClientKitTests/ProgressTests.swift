import JobModel
import Testing

@testable import ClientKit

@Suite struct ProgressTests {
    @Test func `a rate forgets what is older than its window`() {
        var rate = RateEstimator()
        for second in 0...60 { rate.record(second <= 30 ? 0 : Double(second - 30) * 10, at: .seconds(second)) }
        #expect(abs((rate.perSecond ?? 0) - 10) < 0.01)
        #expect(rate.remaining(until: 400) == .seconds(10))
    }

    @Test func `nobody guesses from half a second or from standstill`() {
        var rate = RateEstimator()
        #expect(rate.perSecond == nil)
        rate.record(1, at: .zero)
        rate.record(5, at: .milliseconds(400))
        #expect(rate.perSecond == nil)
        rate.record(5, at: .seconds(20))
        rate.record(5, at: .seconds(40))
        #expect(rate.perSecond == 0)
        #expect(rate.remaining(until: 10) == nil)
    }

    @Test func `a summary from the master becomes progress`() {
        let summary = JobSummary(id: JobID(3), state: .running, imageCount: 7, imagesDone: 2, attemptsLost: 1)
        var progress = JobProgress()
        progress.update(with: summary)
        #expect(progress.job == JobID(3))
        #expect(progress.imageCount == 7 && progress.imagesDone == 2 && progress.attemptsLost == 1)
        progress.imageCount = 100
        progress.update(with: summary, keepingImageCount: true)
        #expect(progress.imageCount == 100)
    }

    @Test func `a submission knows better than the master how many images there will be`() {
        var progress = JobProgress()
        progress.update(with: .opened(JobID(3), imageCount: 10))
        progress.update(with: .added(imageCount: 4, of: 9))
        progress.update(
            with: JobSummary(id: JobID(3), state: .open, imageCount: 4, imagesDone: 3), keepingImageCount: true)
        #expect(progress.isUploading)
        #expect(progress.fraction == 3.0 / 9)
    }

    @Test func `speed and remaining time are estimated from what was recorded`() {
        var estimator = ProgressEstimator()
        var progress = JobProgress()
        progress.update(with: JobSummary(id: JobID(3), state: .running, imageCount: 100, pixelsTotal: 1000))
        estimator.record(progress, at: .zero)
        #expect(estimator.imagesPerSecond == nil && estimator.remaining == nil)
        progress.imagesDone = 25
        progress.pixelsDone = 250
        estimator.record(progress, at: .seconds(5))
        #expect(estimator.imagesPerSecond == 5)
        #expect(estimator.pixelsPerSecond == 50)
        #expect(estimator.remaining == .seconds(15))
        progress.imagesDone = 100
        estimator.record(progress, at: .seconds(6))
        #expect(estimator.remaining == nil)
    }
}
