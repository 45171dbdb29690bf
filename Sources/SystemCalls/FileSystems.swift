import CSystemCalls
import Glibc

/// Waits until everything that was written to the file system of an open file is on the disk.
/// - Throws: also for a write that failed since the file was opened.
package func synchronizeFileSystem(of descriptor: CInt) throws(SystemError) {
    guard tsr_system_sync_file_system(descriptor) == 0 else { throw .last }
}

/// Lets the disk begin to write bytes of an open file, so that a later sync has less to wait for. Promises nothing.
package func startWriting(_ bytes: Range<UInt64>, of descriptor: CInt) {
    tsr_system_start_writing(descriptor, off_t(bytes.lowerBound), off_t(bytes.count))
}
