// Tessera's view of libsystemd: the few calls it needs, without variadics and macros. Every symbol begins with tsr_systemd_.
//
// Ownership: every pointer is borrowed for the duration of the call; nothing is kept, nothing is returned that must be freed.
// Threads: all functions may be called from any thread, except those that read the environment (tsr_systemd_notify,
// tsr_systemd_watchdog_interval), which must not run while another thread changes it.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/// Sends one entry to the systemd journal. Each of the `field_count` buffers is one field, "NAME=value"; the value may hold
/// any bytes, line ends included.
/// Returns 0, or a negative errno.
int tsr_systemd_journal_send(const struct iovec *fields, int field_count);

/// Sends newline-separated assignments ("READY=1\nSTATUS=...") to the service manager named by NOTIFY_SOCKET.
/// Returns a positive number when they were sent, 0 when there is no service manager, or a negative errno.
int tsr_systemd_notify(const char *assignments);

/// Whether the service manager expects keep-alive pings of this very process (WATCHDOG_USEC, WATCHDOG_PID); if so,
/// `*interval_microseconds` is the time after which it gives the service up.
/// Returns a positive number when it does, 0 when it does not, or a negative errno.
int tsr_systemd_watchdog_interval(uint64_t *interval_microseconds);
