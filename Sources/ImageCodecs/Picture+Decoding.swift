import ImageFormats
public import Kernels
import Pipelines

extension Picture {
    /// Decodes the file of an attachment, turned upright as its Orientation says.
    ///
    /// - Throws: `CodecError` also for more pixels than attachments may have.
    public convenience init(decoding file: UnsafeRawBufferPointer) throws {
        let decoder = try ImageFile.decoder(of: file, limits: .ofAttachments)
        let header = decoder.header
        let stored = RowBuffer(shape: header.shape, rows: 0..<header.shape.height)
        let upright = try withExtendedLifetime(stored) {
            try decoder.readRows(
                into: stored.mutableView.bytes.baseAddress.unsafelyUnwrapped, count: header.shape.height)
            guard header.orientation != 1 else { return stored }
            let turn = try Pipeline(parsing: "auto-orient orientation=\(header.orientation)")
            return try SerialExecutor.run(turn, on: stored.view)
        }
        self.init(shape: upright.shape, pixels: upright.bytes)
    }
}
