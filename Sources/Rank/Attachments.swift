import ImageCodecs
import ImagingModel
import JobModel
import Kernels
import Pipelines

/// The decoded attachments of the latest pipeline, so that those of a batch are decoded once. Belongs to one thread.
final class Attachments {
    private var pictures: [AttachedImage.Content: Picture] = [:]

    /// Makes those of the task known to kernels, and forgets all others.
    ///
    /// - Parameter payload: the path of the task's payload, beside which the worker has put the files.
    /// - Returns: those of the task, to be kept until its kernels are made.
    func load(_ spec: TaskSpec, beside payload: String) throws -> [Picture] {
        let needed = spec.attachments.map { (blob: $0, content: AttachedImage.Content($0)) }
        pictures = pictures.filter { present in needed.contains { $0.content == present.key } }
        for (blob, content) in needed where pictures[content] == nil {
            let file = try MappedFile(
                TaskSpec.path(of: blob, beside: payload), byteCount: Int(clamping: blob.byteCount))
            let picture = try withExtendedLifetime(file) { try Picture(decoding: file.bytes) }
            pictures[content] = PictureLibrary.shared.enter(picture, as: content)
        }
        return Array(pictures.values)
    }
}
