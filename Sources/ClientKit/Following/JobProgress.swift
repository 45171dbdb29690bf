/// How far a job is, as far as a progress line needs to know.
struct JobProgress: Sendable, Hashable {
    var job: UInt64 = 0
    /// The images that the job will have; the master may know fewer while they are being sent.
    var imageCount = 0
    var imagesSent = 0
    var imagesDone = 0
    var imagesFailed = 0
    /// Of the images that the master knows.
    var pixelsTotal: UInt64 = 0
    var pixelsDone: UInt64 = 0
    var tasksTotal: UInt64 = 0
    var tasksDone: UInt64 = 0
    /// Leases that ended with their worker or rank; each was given to another one.
    var attemptsLost: UInt64 = 0
    var attemptsFailed: UInt64 = 0

    var imagesFinished: Int { imagesDone + imagesFailed }
    var isUploading: Bool { imagesSent < imageCount }

    /// From 0 to 1: by pixels once all images are known, by tasks for a single image, else by images.
    var fraction: Double {
        guard imageCount > 0 else { return 0 }
        let byImages = Double(imagesFinished) / Double(imageCount)
        if imagesFinished == imageCount { return 1 }
        guard !isUploading else { return byImages }
        let byPixels = pixelsTotal > 0 ? Double(pixelsDone) / Double(pixelsTotal) : byImages
        let byTasks = imageCount == 1 && tasksTotal > 0 ? Double(tasksDone) / Double(tasksTotal) : 0
        return min(1, max(byPixels, byTasks))
    }

    /// What happened besides progress: `2 failed, 1 attempt lost: reassigned`; empty when nothing did.
    var incidents: [String] {
        var incidents: [String] = []
        if imagesFailed > 0 { incidents.append("\(imagesFailed) failed") }
        if attemptsLost > 0 { incidents.append(Units.counted(attemptsLost, "attempt") + " lost: reassigned") }
        if attemptsFailed > 0 { incidents.append(Units.counted(attemptsFailed, "attempt") + " failed") }
        return incidents
    }
}
