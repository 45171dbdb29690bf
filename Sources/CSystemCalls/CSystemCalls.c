#define _GNU_SOURCE
#include "CSystemCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
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
