/// A value that no print, interpolation, `dump` or debugger description can show: all of them see "<secret>" and no
/// children.
public protocol Unprintable: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension Unprintable {
    /// Always "<secret>".
    public var description: String { "<secret>" }

    /// Always "<secret>".
    public var debugDescription: String { "<secret>" }

    /// A mirror without children.
    public var customMirror: Mirror {
        Mirror(self, children: [], displayStyle: nil, ancestorRepresentation: .suppressed)
    }
}
