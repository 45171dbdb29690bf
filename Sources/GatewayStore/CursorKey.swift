import Cryptography
import GatewayLogic

/// Where a list continues, as an opaque text that only this gateway makes.
///
/// The filters of the list are part of what is signed: a cursor of another list is refused.
package struct CursorKey: Sendable {
    private let key: [UInt8]

    package init(_ key: [UInt8]) { self.key = key }

    package func cursor(_ position: UInt64, of list: String) -> String {
        let digits = String(position, radix: 36)
        return "\(digits).\(signature(digits, list))"
    }

    package func position(_ cursor: String, of list: String) throws(Problem) -> UInt64 {
        let parts = cursor.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let position = UInt64(parts[0], radix: 36),
            signature(String(parts[0]), list) == parts[1]
        else {
            throw Problem(
                422, "invalid-argument",
                "the cursor is not one of this list; take it from 'next', with the same filters")
        }
        return position
    }

    private func signature(_ digits: String, _ list: String) -> String {
        let code = HMACSHA256.code(over: [Array("tessera-cursor-1\n\(list)\n\(digits)".utf8)], key: key)
        return HexText.text(Array(code.prefix(12)))
    }
}
