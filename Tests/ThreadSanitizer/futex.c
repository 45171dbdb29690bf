// Tells ThreadSanitizer of locks that the kernel hands over.
//
// Swift's Mutex on Linux is a futex with priority inheritance. Without contention it is an atomic that the sanitizer sees;
// when somebody waits, the kernel gives the lock to them, which it does not see, and what the lock protects looks raced for.
// scripts/sanitize.sh loads this into the tests; without the sanitizer it does nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>

__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

long syscall(long number, ...) {
    static long (*next)(long, ...);
    if (!next) next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    va_list list;
    va_start(list, number);
    long words[6];
    for (int i = 0; i < 6; i++) words[i] = va_arg(list, long);
    va_end(list);

    int operation = number == SYS_futex ? (int)words[1] & FUTEX_CMD_MASK : -1;
    void *lock = (void *)words[0];
    if (operation == FUTEX_UNLOCK_PI && __tsan_release) __tsan_release(lock);
    long result = next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    int isLocked = (operation == FUTEX_LOCK_PI || operation == FUTEX_TRYLOCK_PI) && result == 0;
    if (isLocked && __tsan_acquire) __tsan_acquire(lock);
    return result;
}
