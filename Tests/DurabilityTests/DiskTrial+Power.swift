import Foundation
import TestSupport

extension DiskTrial {
    /// Runs the workload on `disk` until the master has made about `point` calls, cuts the power there, and continues.
    ///
    /// - Throws: `ClientWorkload.Broken` as `run` does.
    func cutPower(of disk: LoopDisk, named name: String, atCall point: Int) async throws {
        let folder = "\(disk.folder)/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let place = try MasterProcess.Place(folder: folder, state: "\(disk.mountPoint)/\(name)")
        let workload = ClientWorkload(secret: place.secret, computer: computer)
        do {
            let master = try await MasterProcess.start(at: place, isCounted: true, Self.arguments)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // Ends by the cut, or before it: then the cut comes after the workload.
                    do { try await play(.workload, workload, at: master) } catch let broken as ClientWorkload.Broken {
                        throw broken
                    } catch {}
                }
                group.addTask {
                    try await eventually("the master has made \(point) calls", every: .milliseconds(1)) {
                        try Self.calls(at: place).count >= point || !master.process.isRunning
                    }
                }
                try await group.next()
                try await disk.cutPower(under: master.process)
                try await group.waitForAll()
            }
            try await disk.mount()
            try await runUndisturbed(.workload, workload, at: place, wasPowerCut: true)
        } catch {
            throw ClientWorkload.Broken(description: "power cut at call \(point): \(error)\n\(place.logTail)")
        }
        try FileManager.default.removeItem(atPath: place.state)
        try FileManager.default.removeItem(atPath: folder)
    }
}
