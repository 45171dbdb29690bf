#define _GNU_SOURCE
#include "CSystemCalls.h"

#include <errno.h>
#include <malloc.h>
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
