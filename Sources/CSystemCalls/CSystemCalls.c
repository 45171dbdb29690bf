#define _GNU_SOURCE
#include "CSystemCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

void tsr_system_start_writing(int descriptor, off_t offset, off_t count) {
    sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

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

// What the new process does. Other threads of its parent are not here, and may have held any lock: system calls only.
static void become_daemon(const char *path, char *const argv[], char *const envp[], int output, int gate) {
    setsid();
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    // A directory that the daemon stays in could not be unmounted.
    int input = open("/dev/null", O_RDONLY);
    if (chdir("/") != 0 || input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(127);
    char word;
    ssize_t count;
    do count = read(gate, &word, 1);
    while (count < 0 && errno == EINTR);
    if (count != 1) _exit(127);
    close_range(3, ~0U, 0);
    execve(path, argv, envp);
    const char *reason = strerrordesc_np(errno);
    const char *parts[] = {"cannot run ", path, ": ", reason ? reason : "unknown error", "\n"};
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
        if (write(2, parts[part], strlen(parts[part])) < 0) break;
    }
    _exit(127);
}

int tsr_system_start_held(
    const char *path, char *const argv[], char *const envp[], int output, pid_t *process, int *gate) {
    // Not a pipe: a write to a process that is gone is an error here, and no signal.
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
    // No handler of ours may run in the new process.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become_daemon(path, argv, envp, output, ends[1]);
    }
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return code;
    }
    *process = child;
    *gate = ends[0];
    return 0;
}

int tsr_system_release(int gate) {
    char word = 1;
    return send(gate, &word, 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

int tsr_system_open_process(pid_t process) { return pidfd_open(process, 0); }

int tsr_system_signal_process(int descriptor, int signal) {
    return pidfd_send_signal(descriptor, signal, NULL, 0) == 0 ? 0 : errno;
}

int tsr_system_sync_file_system(int file) { return syncfs(file); }
