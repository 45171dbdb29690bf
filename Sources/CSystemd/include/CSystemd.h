// The part of libsystemd that Tessera calls, without variadic functions and macros. Every symbol begins with tsr_systemd_.
//
// Ownership: every pointer is borrowed for the duration of the call; the library keeps none and returns none.
// Threads: may be called from any thread.
#pragma once

#include <sys/uio.h>

/// Sends one entry to the systemd journal. Each of the `field_count` buffers is one field, "NAME=value"; the value may have
/// any bytes, including line ends.
/// Returns 0, or a negative errno.
int tsr_systemd_journal_send(const struct iovec *fields, int field_count);
