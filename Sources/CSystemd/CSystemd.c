#include "CSystemd.h"

// The location that the library's macros would add is always this file.
#define SD_JOURNAL_SUPPRESS_LOCATION 1
#include <systemd/sd-journal.h>

int tsr_systemd_journal_send(const struct iovec *fields, int field_count) {
    return sd_journal_sendv(fields, field_count);
}
