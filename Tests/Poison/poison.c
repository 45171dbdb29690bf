#define _GNU_SOURCE
#include "poison.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char mark[] = "tessera-poison:";

static void crash(void) {
    fputs("poison: a write to address 8\n", stderr);
    *(volatile int *)8 = 1;
}

static void hang(void) {
    fputs("poison: sleeping for ever\n", stderr);
    for (;;) pause();
}

static void exhaust(void) {
    const size_t piece = 16 << 20;
    // Should nothing refuse, the machine is not to suffer: 8 GiB prove that there is no limit.
    for (size_t total = 0; total < (size_t)8 << 30; total += piece) {
        void *memory = malloc(piece);
        if (memory == NULL) {
            fprintf(stderr, "poison: no more memory after %zu MiB\n", total >> 20);
            abort();
        }
        // One page of each: the limit is on address space, and filling it all would take seconds on a busy machine.
        *(volatile char *)memory = 1;
    }
    fputs("poison: nothing limits the memory\n", stderr);
    _exit(99);
}

// The file is the worker's own copy of the rows, so that nobody else reads the changed bit.
static void miscompute(const char *path) {
    static unsigned opened;
    const char *every = getenv("TEST_POISON_MISCOMPUTE");
    if (every == NULL || ++opened % (unsigned)atoi(every) != 0) return;
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR, 0);
    if (file < 0) return;
    const unsigned char signature[] = {0x89, 'P', 'N', 'G'};
    unsigned char head[sizeof signature], middle;
    off_t half = lseek(file, 0, SEEK_END) / 2;
    bool is_encoded = pread(file, head, sizeof head, 0) == sizeof head && memcmp(head, signature, sizeof head) == 0;
    if (!is_encoded && pread(file, &middle, 1, half) == 1) {
        middle ^= 0x40;
        if (pwrite(file, &middle, 1, half) == 1) fputs("poison: a bit was flipped\n", stderr);
    }
    close(file);
}

static bool ends(const char *path, const char *name) {
    size_t length = strlen(path), count = strlen(name);
    return length >= count && strcmp(path + length - count, name) == 0;
}

static void taste(int file, const char *path) {
    size_t length = strlen(path);
    if (ends(path, "/raw") || ends(path, "/input")) miscompute(path);
    if (length < 6 || strcmp(path + length - 6, "/input") != 0) return;
    const char *antidote = getenv("TEST_POISON_ANTIDOTE");
    if (antidote != NULL && access(antidote, F_OK) == 0) return;
    char head[TEST_POISON_SEARCHED_BYTE_COUNT];
    ssize_t count = pread(file, head, sizeof head, 0);
    if (count <= 0) return;
    const char *found = memmem(head, (size_t)count, mark, sizeof mark - 1);
    if (found == NULL) return;
    const char *effect = found + sizeof mark - 1;
    size_t rest = (size_t)(head + count - effect);
    if (rest >= 5 && memcmp(effect, "crash", 5) == 0) crash();
    if (rest >= 4 && memcmp(effect, "hang", 4) == 0) hang();
    if (rest >= 7 && memcmp(effect, "exhaust", 7) == 0) exhaust();
}

static int open_and_taste(const char *path, int flags, mode_t mode) {
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (file >= 0) taste(file, path);
    return file;
}

// The mode has a meaning only when a file may be made; else it is whatever the register holds, and the kernel ignores it.

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open_and_taste(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open_and_taste(path, flags | O_LARGEFILE, mode);
}
