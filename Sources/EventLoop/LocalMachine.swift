import CLinux

/// What the system knows of this machine and its users.
public enum LocalMachine {
    /// An address of this machine with the mask of its network: 4 or 16 bytes each, in network order.
    public typealias Interface = (address: [UInt8], mask: [UInt8])

    private static let mostInterfaces = 1_024

    /// The addresses of this machine as they are now; microseconds, no waiting.
    public static func interfaces() -> [Interface] {
        unsafe withUnsafeTemporaryAllocation(of: headgate_interface.self, capacity: mostInterfaces) { room in
            guard let start = room.baseAddress else { return [] }
            let count = unsafe headgate_interfaces(start, Int32(mostInterfaces))
            return unsafe room.prefix(max(0, Int(count))).map { one in
                (PeerAddress(one.address).bytes, PeerAddress(one.mask).bytes)
            }
        }
    }

    /// What a user of the system is called; nil if nobody has that number. May ask the network: not for a loop.
    public static func userName(_ uid: UInt32) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { room in
            guard let start = room.baseAddress, unsafe headgate_user_name(uid, start, room.count) == 0 else {
                return nil
            }
            return unsafe String(validatingCString: start)
        }
    }
}
