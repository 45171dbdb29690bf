#define _GNU_SOURCE
#include "CFaultyDisk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum action { NOTHING, BEFORE, AFTER, TORN, FAIL, FULL };

static char folder[PATH_MAX];
static int log_file = -1;
static long point;
static enum action action;
static int error_number;
static atomic_long count;

__attribute__((constructor)) static void configure(void)
{
    const char *path = getenv("FAULTY_DISK_FOLDER");
    if (!path || strlen(path) >= sizeof folder) return;
    strcpy(folder, path);
    const char *log = getenv("FAULTY_DISK_LOG");
    if (log) log_file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const char *number = getenv("FAULTY_DISK_POINT");
    if (number) point = atol(number);
    const char *name = getenv("FAULTY_DISK_ACTION");
    if (!name) return;
    if (!strcmp(name, "before")) action = BEFORE;
    if (!strcmp(name, "after")) action = AFTER;
    if (!strcmp(name, "torn")) action = TORN;
    if (!strcmp(name, "EIO")) action = FAIL, error_number = EIO;
    if (!strcmp(name, "ENOSPC")) action = FAIL, error_number = ENOSPC;
    if (!strcmp(name, "full")) action = FULL, error_number = ENOSPC;
}

static _Noreturn void die(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;) pause();
}

static int is_ours(const char *path)
{
    size_t length = strlen(folder);
    return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

/// Counts a call on `path`, which is absolute.
static enum action judge(const char *call, const char *path, int is_removal)
{
    if (!is_ours(path)) return NOTHING;
    long number = atomic_fetch_add(&count, 1) + 1;
    if (log_file >= 0) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%ld %s %s\n", number, call, path + strlen(folder));
        if (length > 0) syscall(SYS_write, log_file, line, (size_t)length);
    }
    if (action == FULL) return number >= point && point && !is_removal ? FAIL : NOTHING;
    if (number != point) return NOTHING;
    if (action == BEFORE) die();
    return action;
}

static enum action judge_file(const char *call, int file)
{
    int saved = errno;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    enum action verdict = NOTHING;
    if (length > 0) {
        path[length] = 0;
        verdict = judge(call, path, 0);
    }
    errno = saved;
    return verdict;
}

static enum action judge_name(const char *call, int parent, const char *name, int is_removal)
{
    int saved = errno;
    char path[PATH_MAX];
    size_t length = 0;
    if (name[0] != '/') {
        char link[64];
        snprintf(link, sizeof link, parent == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", parent);
        ssize_t count = readlink(link, path, sizeof path - 2);
        if (count < 0) count = 0;
        path[count] = '/';
        length = (size_t)count + 1;
    }
    snprintf(path + length, sizeof path - length, "%s", name);
    enum action verdict = judge(call, path, is_removal);
    errno = saved;
    return verdict;
}

/// Carries a call out as the verdict says.
#define CARRY_OUT(verdict, call)        \
    do {                                \
        enum action judged = (verdict); \
        if (judged == FAIL) {           \
            errno = error_number;       \
            return -1;                  \
        }                               \
        if (judged == TORN) die();      \
        long result = (call);           \
        if (judged == AFTER) die();     \
        return (int)result;             \
    } while (0)

// MARK: Writing

static ssize_t write_at(enum action verdict, int file, const void *bytes, size_t size, off_t offset, int is_placed)
{
    size_t wanted = verdict == TORN ? size / 2 : size;
    if (verdict == FAIL) {
        errno = error_number;
        return -1;
    }
    ssize_t result =
        is_placed ? syscall(SYS_pwrite64, file, bytes, wanted, offset) : syscall(SYS_write, file, bytes, wanted);
    if (verdict == AFTER || verdict == TORN) die();
    return result;
}

ssize_t write(int file, const void *bytes, size_t size)
{
    return write_at(judge_file("write", file), file, bytes, size, 0, 0);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    return write_at(judge_file("pwrite", file), file, bytes, size, offset, 1);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset)
{
    return write_at(judge_file("pwrite", file), file, bytes, size, offset, 1);
}

int ftruncate(int file, off_t size) { CARRY_OUT(judge_file("ftruncate", file), syscall(SYS_ftruncate, file, size)); }
int ftruncate64(int file, off64_t size) { CARRY_OUT(judge_file("ftruncate", file), syscall(SYS_ftruncate, file, size)); }
int fsync(int file) { CARRY_OUT(judge_file("fsync", file), syscall(SYS_fsync, file)); }
int fdatasync(int file) { CARRY_OUT(judge_file("fdatasync", file), syscall(SYS_fdatasync, file)); }

int syncfs(int file) { CARRY_OUT(judge_file("syncfs", file), syscall(SYS_syncfs, file)); }

// MARK: Names

static int open_at(int parent, const char *name, int flags, mode_t mode)
{
    if (!(flags & O_CREAT)) return (int)syscall(SYS_openat, parent, name, flags, mode);
    CARRY_OUT(judge_name("open", parent, name, 0), syscall(SYS_openat, parent, name, flags, mode));
}

#define OPEN_MODE(last)                                        \
    mode_t mode = 0;                                           \
    if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) {      \
        va_list arguments;                                     \
        va_start(arguments, last);                             \
        mode = va_arg(arguments, mode_t);                      \
        va_end(arguments);                                     \
    }

int open(const char *name, int flags, ...) { OPEN_MODE(flags) return open_at(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { OPEN_MODE(flags) return open_at(AT_FDCWD, name, flags, mode); }
int openat(int parent, const char *name, int flags, ...) { OPEN_MODE(flags) return open_at(parent, name, flags, mode); }
int openat64(int parent, const char *name, int flags, ...) { OPEN_MODE(flags) return open_at(parent, name, flags, mode); }

int rename(const char *from, const char *to)
{
    CARRY_OUT(judge_name("rename", AT_FDCWD, to, 0), syscall(SYS_rename, from, to));
}

int renameat(int from_parent, const char *from, int to_parent, const char *to)
{
    CARRY_OUT(judge_name("rename", to_parent, to, 0), syscall(SYS_renameat, from_parent, from, to_parent, to));
}

int link(const char *from, const char *to)
{
    CARRY_OUT(judge_name("link", AT_FDCWD, to, 0), syscall(SYS_link, from, to));
}

int linkat(int from_parent, const char *from, int to_parent, const char *to, int flags)
{
    CARRY_OUT(judge_name("link", to_parent, to, 0), syscall(SYS_linkat, from_parent, from, to_parent, to, flags));
}

int unlink(const char *name) { CARRY_OUT(judge_name("unlink", AT_FDCWD, name, 1), syscall(SYS_unlink, name)); }

int unlinkat(int parent, const char *name, int flags)
{
    CARRY_OUT(judge_name("unlink", parent, name, 1), syscall(SYS_unlinkat, parent, name, flags));
}

int mkdir(const char *name, mode_t mode)
{
    CARRY_OUT(judge_name("mkdir", AT_FDCWD, name, 0), syscall(SYS_mkdir, name, mode));
}

int mkdirat(int parent, const char *name, mode_t mode)
{
    CARRY_OUT(judge_name("mkdir", parent, name, 0), syscall(SYS_mkdirat, parent, name, mode));
}
