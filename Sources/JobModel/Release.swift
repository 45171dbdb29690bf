/// This release of the software.
public enum Release {
    /// All programs print it and send it to their peers.
    public static let version = "0.1.0"
}
