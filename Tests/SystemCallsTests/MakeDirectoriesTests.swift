import Foundation
import Names
import SystemCalls
import TestBasics
import Testing

@Suite struct MakeDirectoriesTests {
    @Test func `what is missing is made, and what is there stays`() throws {
        try withTemporaryDirectory { folder in
            let path = BytePath(text: folder + "/state/tesséra//generations/")
            for _ in 0..<2 { try makeDirectories(to: path, mode: 0o750) }
            var isDirectory: ObjCBool = false
            #expect(
                FileManager.default.fileExists(atPath: path.text, isDirectory: &isDirectory) && isDirectory.boolValue)
            let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/state")
            #expect(try #require(attributes[.posixPermissions] as? Int) & ~0o750 == 0)
        }
    }

    @Test func `the directory that cannot be made is named`() throws {
        try withTemporaryDirectory { folder in
            try write([1], to: folder + "/file")
            let error = #expect(throws: DirectoryError.self) {
                try makeDirectories(to: BytePath(text: folder + "/file/below"))
            }
            #expect(error?.path == BytePath(text: folder + "/file"))
            #expect(error?.reason == SystemError(code: ENOTDIR))
        }
    }
}
