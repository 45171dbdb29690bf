// A library to preload into a process (LD_PRELOAD) whose disk is to fail, or which is to die, at an exact point.
//
// Every call that changes a directory's files is counted, over all threads and kinds of calls, from 1:
//
//     open and openat that may create, write, pwrite, ftruncate, fsync, fdatasync, syncfs, rename, link, unlink, mkdir
//
// At the chosen one the process dies by SIGKILL, or the call fails. Environment:
//
//     FAULTY_DISK_FOLDER   absolute path; only files under it count
//     FAULTY_DISK_LOG      file to which a line `number call path` is appended for each counted call
//     FAULTY_DISK_POINT    the number of the call at which something happens
//     FAULTY_DISK_ACTION   what happens there:
//                            before   the process dies before the call
//                            after    the process dies after the call, before its caller sees that it returned
//                            torn     a write writes the first half of its bytes, then the process dies;
//                                     at any other call as `before`
//                            EIO, ENOSPC   the call does nothing and fails with that error
//                            full     it and every later write, truncation and sync fail with ENOSPC; nothing can be
//                                     created
//
// Counting here instead of by strace(1) costs next to nothing, and counts over all threads, where strace counts each
// thread's calls by themselves.
