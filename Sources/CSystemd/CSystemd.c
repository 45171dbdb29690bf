#include "CSystemd.h"

// The journal's own call sites (CODE_FILE, CODE_LINE, CODE_FUNC) would all be this file: leave them out.
#define SD_JOURNAL_SUPPRESS_LOCATION 1
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

int tsr_systemd_journal_send(const struct iovec *fields, int field_count) {
    return sd_journal_sendv(fields, field_count);
}

int tsr_systemd_notify(const char *assignments) {
    return sd_notify(0, assignments);
}

int tsr_systemd_watchdog_interval(uint64_t *interval_microseconds) {
    return sd_watchdog_enabled(0, interval_microseconds);
}
