#define _GNU_SOURCE
#include "resolver.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int getaddrinfo_function(const char *, const char *, const struct addrinfo *, struct addrinfo **);
typedef int connect_function(int, const struct sockaddr *, socklen_t);

enum { NAME_COUNT = 64, TEXT_BYTE_COUNT = 512 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned questions[NAME_COUNT];

// The part of `text` before `end`, copied; what is behind it, or NULL.
static const char *part(const char *text, char end, char copy[TEXT_BYTE_COUNT]) {
    size_t count = strcspn(text, (char[]){end, 0});
    snprintf(copy, TEXT_BYTE_COUNT, "%.*s", (int)count, text);
    return text[count] == 0 ? NULL : text + count + 1;
}

// The addresses that this question about `name` is answered by; false when there is no such name.
static bool answer(const char *name, char addresses[TEXT_BYTE_COUNT]) {
    const char *rest = getenv("TEST_NAMES");
    for (unsigned number = 0; rest != NULL && number < NAME_COUNT; number++) {
        char entry[TEXT_BYTE_COUNT], own[TEXT_BYTE_COUNT];
        rest = part(rest, ';', entry);
        const char *turns = part(entry, '=', own);
        if (turns == NULL || strcmp(own, name) != 0) continue;
        unsigned count = 1;
        for (const char *at = turns; (at = strchr(at, '|')) != NULL; at++) count++;
        pthread_mutex_lock(&lock);
        unsigned turn = questions[number]++ % count;
        pthread_mutex_unlock(&lock);
        for (; turn > 0; turn--) turns = strchr(turns, '|') + 1;
        part(turns, '|', addresses);
        return true;
    }
    return false;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    getaddrinfo_function *next = (getaddrinfo_function *)dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo numeric = {0};
    if (hints != NULL) numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST;
    char addresses[TEXT_BYTE_COUNT], address[TEXT_BYTE_COUNT];
    if (name == NULL || !answer(name, addresses)) return next(name, service, &numeric, result);
    struct addrinfo **end = result;
    for (const char *rest = addresses; rest != NULL;) {
        rest = part(rest, '+', address);
        int code = next(address, service, &numeric, end);
        if (code != 0) return code;
        while (*end != NULL) end = &(*end)->ai_next;
    }
    return 0;
}

int connect(int descriptor, const struct sockaddr *address, socklen_t byte_count) {
    connect_function *next = (connect_function *)dlsym(RTLD_NEXT, "connect");
    const char *path = getenv("TEST_CONNECTIONS");
    char host[NI_MAXHOST], port[NI_MAXSERV], line[NI_MAXHOST + NI_MAXSERV + 2];
    bool is_ip = address->sa_family == AF_INET || address->sa_family == AF_INET6;
    if (path != NULL && is_ip
        && getnameinfo(address, byte_count, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        int count = snprintf(line, sizeof line, "%s %s\n", host, port);
        if (file < 0 || write(file, line, (size_t)count) != count) abort();
        close(file);
    }
    return next(descriptor, address, byte_count);
}
