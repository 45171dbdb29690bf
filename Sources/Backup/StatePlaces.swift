/// The files of a state directory that belong to backups.
public enum StatePlaces {
    public static func journal(_ directory: String) -> String { directory + "/journal.sqlite" }
    public static func blobs(_ directory: String) -> String { directory + "/blobs" }
    static func acknowledged(_ directory: String) -> String { directory + "/acknowledged" }
    static func lock(_ directory: String) -> String { directory + "/lock" }

    /// The socket on which a running master is asked to freeze its state for a backup.
    public static func socket(_ directory: String) -> String { directory + "/backup.socket" }

    /// What a running master keeps for the backup that is being made: a copy of the journal, and links to the blobs. It has
    /// the places of a state directory.
    public static func frozen(_ directory: String) -> String { directory + "/frozen" }

    /// What an unfinished restore has copied. While it exists, nothing else in the directory is of use.
    public static func restoring(_ directory: String) -> String { directory + "/restoring" }
}
