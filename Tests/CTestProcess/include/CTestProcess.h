#ifndef TESSERA_CTESTPROCESS_H
#define TESSERA_CTESTPROCESS_H

#include <sys/types.h>

/// Starts a program that the kernel kills when this process ends, however it ends.
///
/// The program has the default signal handling and an empty signal mask. Its standard streams are files: `input` is read,
/// `output` and `errors` are appended to, and made if they do not exist.
///
/// All programs are started by one thread, which lives as long as this process: the kernel watches the thread that started a
/// program, not its process. Calls from several threads are served one after the other.
///
/// Returns 0, or the error number of what failed.
int tsr_test_spawn(
    const char *program, char *const arguments[], char *const environment[], const char *input, const char *output,
    const char *errors, pid_t *process);

#endif
