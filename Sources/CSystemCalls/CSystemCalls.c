#define _GNU_SOURCE
#include "CSystemCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int tsr_system_limit_arenas(int count) { return mallopt(M_ARENA_MAX, count); }

int tsr_system_follow_parent(pid_t parent, int signal) {
    if (prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0) return errno;
    // A parent that ended before the request was made never triggers it.
    return getppid() == parent ? 0 : ESRCH;
}

void tsr_system_close_from(int first) { close_range((unsigned)first, ~0U, 0); }

void tsr_system_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

int tsr_system_is_x86_64_v3(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")
        && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("movbe");
#else
    return 0;
#endif
}

int tsr_system_allowed_processors(void) {
    // The kernel refuses a mask that is smaller than its own, which grows with the machine.
    for (int capacity = 1024; capacity <= 1 << 20; capacity *= 2) {
        cpu_set_t *set = CPU_ALLOC(capacity);
        if (set == NULL) return 0;
        size_t size = CPU_ALLOC_SIZE(capacity);
        CPU_ZERO_S(size, set);
        int isKnown = sched_getaffinity(0, size, set) == 0;
        int count = isKnown ? CPU_COUNT_S(size, set) : 0;
        int isTooSmall = !isKnown && errno == EINVAL;
        CPU_FREE(set);
        if (!isTooSmall) return count;
    }
    return 0;
}

void tsr_system_occupy_standard_streams(void) {
    for (int number = 0; number <= 2; number++) {
        if (fcntl(number, F_GETFD) >= 0 || errno != EBADF) continue;
        int mode = number == 0 ? O_WRONLY : O_RDONLY;
        // The lowest free number is this one. Without /dev, the root directory takes its place.
        if (open("/dev/null", mode) < 0) (void)open("/", O_RDONLY | O_DIRECTORY);
    }
}

int tsr_system_leave_family(void) {
    pid_t child = fork();
    if (child < 0) return errno;
    if (child > 0) _exit(0);
    return setsid() < 0 ? errno : 0;
}

char **tsr_system_environment(void) { return environ; }

int tsr_system_open_directory(const char *path) { return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }

// The path of an open file of this process, in a buffer of 32 bytes.
static const char *path_of(int file, char *buffer) {
    snprintf(buffer, 32, "/proc/self/fd/%d", file);
    return buffer;
}

int tsr_system_open_unnamed(int directory, mode_t mode) {
    int file = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    if (file < 0) {
        // A kernel that does not know the flag opens a directory for writing; file systems have several answers.
        if (errno == EISDIR || errno == EINVAL || errno == ENOSYS) errno = EOPNOTSUPP;
        return -1;
    }
    char path[32];
    if (access(path_of(file, path), F_OK) == 0) return file;
    close(file);
    errno = EOPNOTSUPP;
    return -1;
}

int tsr_system_link_unnamed(int file, int directory, const char *name) {
    // AT_EMPTY_PATH would need a capability.
    char path[32];
    return linkat(AT_FDCWD, path_of(file, path), directory, name, AT_SYMLINK_FOLLOW);
}

int tsr_system_rename_to_free(int directory, const char *name, int new_directory, const char *new_name) {
    if (renameat2(directory, name, new_directory, new_name, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -1;
    // A file system without the flag: a second name, which must be free, and the first one is taken away.
    if (linkat(directory, name, new_directory, new_name, 0) != 0) return -1;
    return unlinkat(directory, name, 0);
}
