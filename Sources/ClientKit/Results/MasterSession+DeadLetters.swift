public import JobModel

extension MasterSession {
    /// The dead letters of a selection, without their attempts.
    /// - Throws: `ClientError` with the code `not-found` when the job has no such image; as `perform`.
    public nonisolated func deadLetters(of selection: DeadLetterSelection) async throws -> [DeadLetter] {
        switch selection {
        case .all: return try await perform { try await $0.deadLetters(of: nil) }
        case .job(let job): return try await perform { try await $0.deadLetters(of: job) }
        case .image(let image):
            let letters = try await perform { try await $0.deadLetters(of: image.job) }.filter { $0.image == image }
            if letters.isEmpty { _ = try await self.image(image) }
            return letters
        }
    }

    /// One dead letter with its attempts.
    /// - Throws: as `deadLetters`.
    public nonisolated func deadLetter(_ image: ImageID) async throws -> DeadLetter {
        do {
            return try await perform { try await $0.deadLetter(image) }
        } catch  where ClientError(error).code == "not-found" {
            _ = try await self.image(image)
            throw error
        }
    }

    /// Gives dead-lettered images new attempts.
    /// - Returns: the number of images that were given new attempts.
    /// - Throws: as `deadLetters`.
    public nonisolated func redrive(_ selection: DeadLetterSelection) async throws -> Int {
        if case .image(let image) = selection { _ = try await self.image(image) }
        return try await perform { try await $0.redrive(selection) }
    }

    /// Forgets dead letters.
    /// - Returns: the number of images that were forgotten.
    /// - Throws: as `deadLetters`.
    public nonisolated func purge(_ selection: DeadLetterSelection) async throws -> Int {
        if case .image(let image) = selection { _ = try await self.image(image) }
        return try await perform { try await $0.purge(selection) }
    }
}
