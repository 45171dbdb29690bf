// What Swift's Glibc module leaves out of the C library and the kernel's interface.
//
// Ownership: no function takes or returns memory. Threads: may be called from any thread, except where it says otherwise.
#pragma once

#include <sys/types.h>

/// Lets the allocator make at most `count` arenas. To be called before other threads allocate. Returns whether it was set.
int tsr_system_limit_arenas(int count);

/// Asks the kernel to send `signal` to this process when the thread that started it ends. The request survives exec.
/// Returns 0, an errno, or ESRCH when the parent is no longer `parent`.
int tsr_system_follow_parent(pid_t parent, int signal);

/// Closes every open file from the descriptor `first` on.
void tsr_system_close_from(int first);

/// Gives the calling thread a name, of which 15 bytes are kept. The name is only read.
void tsr_system_name_thread(const char *name);

/// Whether this processor, and the system on it, can run programs built for x86-64-v3: AVX2, BMI2, FMA and what belongs to
/// them (System V ABI, "x86-64 micro-architecture levels"). Returns 0 on other architectures.
int tsr_system_is_x86_64_v3(void);

/// The number of processors that this process may run on, by its affinity mask; 0 when the kernel does not say.
int tsr_system_allowed_processors(void);

/// Makes sure that the descriptors 0 to 2 are open. One that was closed is opened in the wrong direction: it can be read but
/// not written (0 the other way round), so that its use fails as before, and no file or socket of ours gets its number.
/// To be called before anything else opens a file.
void tsr_system_occupy_standard_streams(void);

/// Continues as a process of its own session whose parent is not the caller's: the caller's process ends with status 0.
/// Returns 0, or an errno. To be called while the process has one thread.
int tsr_system_leave_family(void);
/// The environment of this process: "NAME=value" strings, and a null pointer. It is the process's own.
char **tsr_system_environment(void);

/// Lets the disk begin to write `count` bytes of a file from `offset` on (SYNC_FILE_RANGE_WRITE). Waits for none of them, and says
/// nothing of their end.
void tsr_system_start_writing(int descriptor, off_t offset, off_t count);

/// Opens a directory as a place only, which needs no right to read it (O_PATH). Returns its descriptor, or -1 with errno.
int tsr_system_open_directory(const char *path);

/// Opens a new file without a name in a directory, for reading and writing (O_TMPFILE). Returns its descriptor, or -1 with
/// errno; EOPNOTSUPP where such a file cannot be made, or could not be given a name later.
int tsr_system_open_unnamed(int directory, mode_t mode);

/// Gives a file without a name one in a directory. Returns 0, or -1 with errno; EEXIST when the name is not free.
int tsr_system_link_unnamed(int file, int directory, const char *name);

/// Renames a file; the new name must be free. Returns 0, or -1 with errno; EEXIST when it is not.
int tsr_system_rename_to_free(int directory, const char *name, int new_directory, const char *new_name);

/// Starts a program as a daemon, but holds it back: the process exists, in a session of its own, and becomes the program once
/// `tsr_system_release` is called. If the caller ends before that, the process ends too, having run nothing.
///
/// The program gets the standard signal actions, no standard input, `output` as standard output and error, and no other file
/// that is open here. A program that cannot be run is a line in `output` and exit status 127.
///
/// `path`, `argv` and `envp` are only read. Returns 0 and sets `process` and `gate`, a descriptor that the caller closes; or an
/// errno.
int tsr_system_start_held(
    const char *path, char *const argv[], char *const envp[], int output, pid_t *process, int *gate);

/// Lets the process that was started with `gate` run. Returns 0, or an errno when the process is gone.
int tsr_system_release(int gate);

/// Opens a descriptor that stands for a process (pidfd_open). Returns it, or -1 with errno.
int tsr_system_open_process(pid_t process);

/// Sends a signal to the process that a descriptor stands for, never to a later one of the same number. Returns 0, or an errno.
int tsr_system_signal_process(int descriptor, int signal);

/// syncfs(2): returns when everything that was written to the file system of `file` is on the disk.
int tsr_system_sync_file_system(int file);
