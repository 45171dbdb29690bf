import ClientKit
import JobModel
import Synchronization
import Testing

@testable import Client

@Suite struct ProgressTests {
    private func progress(
        images: Int, done: Int, failed: Int = 0, pixels: UInt64 = 0, pixelsDone: UInt64 = 0
    ) -> JobProgress {
        var progress = JobProgress()
        progress.job = JobID(17)
        progress.imageCount = images
        progress.imagesSent = images
        progress.imagesDone = done
        progress.imagesFailed = failed
        progress.pixelsTotal = pixels
        progress.pixelsDone = pixelsDone
        return progress
    }

    @Test func `a bar shows share, count, rate and time left`() {
        var formatter = ProgressFormatter()
        formatter.update(progress(images: 100, done: 0), at: .zero)
        formatter.update(progress(images: 100, done: 25), at: .seconds(5))
        #expect(
            formatter.bar(width: 81)
                == "job 17 [#######---------------------] 25%  25/100 images  5.0 images/s  ETA 15 s")
        #expect(formatter.bar(width: 81).count == 80)
        #expect(formatter.plain == "job 17: 25% done, 25/100 images, 5.0 images/s, 15 s left")
    }

    @Test func `few images are measured in pixels`() {
        var formatter = ProgressFormatter()
        formatter.update(progress(images: 1, done: 0, pixels: 108_000_000), at: .zero)
        formatter.update(progress(images: 1, done: 0, pixels: 108_000_000, pixelsDone: 54_000_000), at: .seconds(2))
        #expect(formatter.plain == "job 17: 50% done, 0/1 image, 27 Mpixel/s, 2 s left")
    }

    @Test func `lost attempts and failures are told`() {
        var formatter = ProgressFormatter()
        var progress = progress(images: 4, done: 2, failed: 1)
        progress.attemptsLost = 1
        progress.attemptsFailed = 2
        formatter.update(progress, at: .zero)
        #expect(
            formatter.plain
                == "job 17: 75% done, 3/4 images, 1 failed, 1 attempt lost: reassigned, 2 attempts failed")
    }

    @Test(arguments: 1...120) func `a bar never reaches the last column`(width: Int) {
        var formatter = ProgressFormatter()
        var progress = progress(images: 100, done: 40, failed: 3)
        progress.attemptsLost = 12
        formatter.update(progress, at: .seconds(1))
        formatter.update(progress, at: .seconds(9))
        #expect(formatter.bar(width: width).count <= width - 1)
    }

    @Test func `while images are being sent, the share is of all of them`() {
        var progress = progress(images: 100, done: 10, pixels: 1000, pixelsDone: 1000)
        progress.imagesSent = 10
        #expect(progress.fraction == 0.1)
        var formatter = ProgressFormatter()
        formatter.update(progress, at: .zero)
        #expect(formatter.plain == "job 17: 10% done, 10/100 images, 10 sent")
    }

    @Test func `100 percent means done`() {
        #expect(progress(images: 3, done: 2, failed: 1).fraction == 1)
        var formatter = ProgressFormatter()
        formatter.update(progress(images: 1000, done: 999), at: .zero)
        #expect(formatter.plain.hasPrefix("job 17: 99% done"))
        #expect(JobProgress().fraction == 0)
    }

    @Test func `an image whose pixels are all done has not ended, and some time is left`() {
        var formatter = ProgressFormatter()
        formatter.update(progress(images: 1, done: 0, pixels: 1000), at: .zero)
        formatter.update(progress(images: 1, done: 0, pixels: 1000, pixelsDone: 990), at: .seconds(9))
        #expect(formatter.plain == "job 17: 99% done, 0/1 image, 0.0 Mpixel/s, 1 s left")
        formatter.update(progress(images: 1, done: 0, pixels: 1000, pixelsDone: 1000), at: .seconds(10))
        #expect(formatter.plain == "job 17: 99% done, 0/1 image, 0.0 Mpixel/s")
        #expect(!formatter.bar(width: 60).contains("#]"))
        formatter.update(progress(images: 1, done: 1, pixels: 1000, pixelsDone: 1000), at: .seconds(11))
        #expect(formatter.plain.hasPrefix("job 17: 100% done, 1/1 image"))
        #expect(formatter.bar(width: 60).contains("#]"))
    }

    @Test func `lines come at most once a second and only when they are new`() {
        var limiter = LineLimiter()
        #expect(limiter.offer("a", at: .milliseconds(900)) == nil)
        #expect(limiter.offer("a", at: .milliseconds(1000)) == "a")
        #expect(limiter.offer("b", at: .milliseconds(1900)) == nil)
        #expect(limiter.offer("a", at: .milliseconds(2500)) == nil)
        #expect(limiter.offer("b", at: .milliseconds(2600)) == "b")
    }

    @Test func `a held back line is shown when time has passed`() {
        let errors = RecordingSink()
        let elapsed = Mutex(Duration.zero)
        let reporter = ProgressReporter(
            console: Console(output: RecordingSink(), errors: errors, isJSON: false), style: .auto
        ) { elapsed.withLock { $0 } }
        reporter.update { $0 = progress(images: 2, done: 1) }
        #expect(errors.text.isEmpty)
        elapsed.withLock { $0 += .seconds(1) }
        reporter.tick()
        reporter.tick()
        #expect(errors.text == "job 17: 50% done, 1/2 images\n")
    }

    @Test(arguments: ProgressStyle.allCases) func `an obstacle to a job is told once, and once when it is over`(
        style: ProgressStyle
    ) {
        let errors = RecordingSink()
        let reporter = ProgressReporter(
            console: Console(output: RecordingSink(), errors: errors, isJSON: false), style: style
        ) { .zero }
        func summary(_ obstacle: String?) -> JobSummary {
            JobSummary(id: JobID(17), state: .running, imageCount: 2, obstacle: obstacle)
        }
        for (obstacle, times) in [(nil, 3), ("no space: 5 bytes", 3), ("no space: 4 bytes", 3), (nil, 3)] {
            for _ in 0..<times { reporter.update { $0.update(with: summary(obstacle)) } }
        }
        let lines = errors.text.replacing("\u{1B}[K", with: "").split(whereSeparator: { $0 == "\n" || $0 == "\r" })
            .filter {
                $0.contains("waits:") || $0.contains("continues")
            }
        #expect(lines == ["job 17 waits: no space: 5 bytes", "job 17 continues"], "\(errors.text)")
    }

    @Test func `a terminal gets a bar that goes away at the end`() {
        let errors = RecordingSink(terminalWidth: 50)
        let reporter = ProgressReporter(
            console: Console(output: RecordingSink(), errors: errors, isJSON: false), style: .auto
        ) { .zero }
        reporter.update { $0 = progress(images: 2, done: 1) }
        reporter.finish()
        #expect(errors.text == "job 17 [############------------] 50%  1/2 images\r\u{1B}[K")

        // What was under way when the command ended leaves the line free.
        reporter.tick()
        reporter.update { $0 = progress(images: 2, done: 2) }
        reporter.tick()
        #expect(errors.text.hasSuffix(" 50%  1/2 images\r\u{1B}[K"))
    }

    @Test func `a command waits when its job has not ended and nothing has happened since`() {
        let reporter = ProgressReporter(
            console: Console(output: RecordingSink(), errors: RecordingSink(), isJSON: false), style: .none
        ) { .zero }
        #expect(!reporter.isWaiting && !reporter.isWaiting, "there is no job yet")
        reporter.update { $0 = progress(images: 2, done: 0) }
        #expect(!reporter.isWaiting)
        #expect(reporter.isWaiting)
        reporter.update { $0 = progress(images: 2, done: 1) }
        #expect(!reporter.isWaiting)
        #expect(reporter.isWaiting)
        reporter.update { $0 = progress(images: 2, done: 1, failed: 1) }
        #expect(!reporter.isWaiting && !reporter.isWaiting, "all images have ended")
    }

    @Test func `workers that take no work are told of when that begins, changes and ends`() {
        var attendance = WorkerAttendance(master: "atlas:7400")
        func note(_ taking: UInt32, _ draining: UInt32 = 0, _ silent: UInt32 = 0) -> String? {
            attendance.note(WorkerCounts(taking: taking, draining: draining, silent: silent))
        }
        #expect(attendance.note(nil) == nil)
        #expect(note(1, 1) == nil)
        #expect(note(0)?.contains("no worker is connected") == true)
        #expect(note(0) == nil)
        #expect(note(0, 1)?.contains("no worker takes new work: the only one is draining") == true)
        #expect(note(0, 2)?.contains("all 2 are draining") == true)
        #expect(note(0, 0, 1)?.contains("does not hear from the only one") == true)
        #expect(
            attendance.note(WorkerCounts(silent: 1, unready: 2))?.contains("all 2 are not able to run tasks") == true)
        #expect(note(0)?.hasSuffix("start one with tessera-worker --master atlas:7400") == true)
        #expect(note(3) == "a worker takes work again; continuing")
        #expect(note(2) == nil)
    }

    @Test func `the end of a command that succeeded is told where it is watched`() {
        var summary = JobSummary(id: JobID(3), state: .done, imageCount: 2, imagesDone: 2, imagesFromCache: 1)
        var report = JobReport(job: JobID(3))
        report.fetchedCount = 2
        report.destination = "out/"
        #expect(report.closingLine(summary, took: .seconds(1)) == nil)
        report.tellsSuccess = true
        #expect(
            report.closingLine(summary, took: .milliseconds(1500))
                == "job 3: 2 images done in 1.5 s, 1 from kept results -> out/")
        report.destination = nil
        summary.imagesFromCache = 0
        #expect(report.closingLine(summary, took: .seconds(90)) == "job 3: 2 images done in 1 min 30 s")
        // Not while a result is missing from its place.
        report.unwrittenCount = 1
        #expect(report.closingLine(summary, took: .seconds(1)) == nil)
        report.unwrittenCount = 0
        // The command that did not wait for the end says how far the job is.
        summary.state = .running
        #expect(report.closingLine(summary, took: .seconds(1)) == nil)
    }
}
