#define _GNU_SOURCE
#include "CTestProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct request {
    const char *program;
    char *const *arguments;
    char *const *environment;
    const char *files[3];
    pid_t process;
    int error;
    int is_done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int thread_error;
/// The request that the thread is to serve; null when there is none.
static struct request *current;

/// Runs in the child, which shares the memory of the thread that waits for it, until it executes the program.
static void become(const struct request *request, pid_t parent, volatile int *error) {
    static const int flags[3] = {O_RDONLY, O_WRONLY | O_CREAT | O_APPEND, O_WRONLY | O_CREAT | O_APPEND};
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;

    // The parent may have died before the kernel was asked to watch it.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        *error = errno ? errno : ESRCH;
        return;
    }
    for (int stream = 0; stream < 3; stream++) {
        int file = open(request->files[stream], flags[stream], 0600);
        if (file < 0 || dup2(file, stream) < 0) {
            *error = errno;
            return;
        }
        if (file > 2) close(file);
    }
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(request->program, request->arguments, request->environment);
    *error = errno;
}

static void serve(struct request *request) {
    volatile int error = 0;
    pid_t parent = getpid();
    sigset_t all, before;

    // No handler of ours may run in the child: it would run in our memory.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = 0;
    pid_t child = vfork();
    if (child == 0) {
        become(request, parent, &error);
        _exit(127);
    }
    if (child < 0) error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child > 0 && error != 0) waitpid(child, NULL, 0);
    request->process = child;
    request->error = error;
}

static void *run(void *unused) {
    pthread_mutex_lock(&lock);
    for (;;) {
        while (current == NULL) pthread_cond_wait(&changed, &lock);
        serve(current);
        current->is_done = 1;
        current = NULL;
        pthread_cond_broadcast(&changed);
    }
    return unused;
}

static void start_thread(void) {
    pthread_t thread;
    thread_error = pthread_create(&thread, NULL, run, NULL);
    if (thread_error == 0) pthread_detach(thread);
}

int tsr_test_spawn(
    const char *program, char *const arguments[], char *const environment[], const char *input, const char *output,
    const char *errors, pid_t *process) {
    struct request request = {
        .program = program, .arguments = arguments, .environment = environment, .files = {input, output, errors}};

    pthread_once(&once, start_thread);
    if (thread_error != 0) return thread_error;
    pthread_mutex_lock(&lock);
    while (current != NULL) pthread_cond_wait(&changed, &lock);
    current = &request;
    pthread_cond_broadcast(&changed);
    while (!request.is_done) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    *process = request.process;
    return request.error;
}
