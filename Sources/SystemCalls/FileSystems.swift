import CSystemCalls
import Glibc

/// Waits until everything that was written to the file system of an open file is on the disk.
/// - Throws: also for a write that failed since the file was opened.
package func synchronizeFileSystem(of descriptor: CInt) throws(SystemError) {
    guard tsr_system_sync_file_system(descriptor) == 0 else { throw .last }
}
