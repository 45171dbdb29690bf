import GatewayLogic
import Testing

/// ZIP files, read back by their central directory.
@Suite struct ZIPLayoutTests {
    @Test func `members are found where the directory says`() throws {
        var layout = ZIPLayout(secondsSince1970: 1_709_251_198)  // 2024-02-29 23:59:58 UTC
        var file: [UInt8] = []
        let members: [(String, [UInt8])] = [
            ("a.png", [1, 2, 3]), ("é/日本.png", []), ("b.json", Array(repeating: 7, count: 999)),
        ]
        for (index, (name, bytes)) in members.enumerated() {
            file += layout.begin(name, byteCount: UInt64(bytes.count))
            file += bytes
            file += layout.end(crc32: UInt32(index) + 0x8000_0000)
        }
        file += layout.finish()

        func number(_ offset: Int, _ count: Int) -> Int {
            file[offset..<offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        let end = file.count - 22
        #expect(number(end, 4) == 0x0605_4B50)
        #expect(number(end + 10, 2) == 3)
        let locator = end - 20
        #expect(number(locator, 4) == 0x0706_4B50)
        let record = number(locator + 8, 8)
        #expect(number(record, 4) == 0x0606_4B50)
        #expect(number(record + 32, 8) == 3)
        var entry = number(record + 48, 8)
        #expect(entry + number(record + 40, 8) == record)
        for (index, (name, bytes)) in members.enumerated() {
            #expect(number(entry, 4) == 0x0201_4B50)
            #expect(number(entry + 12, 2) == 23 << 11 | 59 << 5 | 29)
            #expect(number(entry + 14, 2) == 44 << 9 | 2 << 5 | 29)
            #expect(number(entry + 16, 4) == index + 0x8000_0000)
            let nameCount = number(entry + 28, 2)
            #expect(Array(file[entry + 46..<entry + 46 + nameCount]) == Array(name.utf8))
            let extra = entry + 46 + nameCount
            #expect(number(extra, 2) == 1)
            #expect(number(extra + 4, 8) == bytes.count)
            let local = number(extra + 20, 8)
            #expect(number(local, 4) == 0x0403_4B50)
            let start = local + 30 + number(local + 26, 2) + number(local + 28, 2)
            #expect(Array(file[start..<start + bytes.count]) == bytes)
            #expect(number(start + bytes.count, 4) == 0x0807_4B50)
            entry = extra + number(entry + 30, 2)
        }
        #expect(entry == record)
    }

    @Test func `an empty archive is one`() {
        let file = ZIPLayout(secondsSince1970: 0).finish()
        #expect(file.count == 56 + 20 + 22)
    }
}
