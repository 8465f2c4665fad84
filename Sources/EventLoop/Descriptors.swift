import CLinux

/// The process's file descriptors. Any thread.
public enum Descriptors {
    /// Raises the soft limit to the hard limit; returns the limit that holds afterwards. At start, before workers size
    /// anything by it.
    @discardableResult
    public static func raiseLimit() -> Int {
        Int(clamping: max(headgate_raise_descriptor_limit(), 0))
    }
}
