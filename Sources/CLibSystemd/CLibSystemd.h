// The part of libsystemd that Tessera uses. CSystemd alone depends on it; Swift never sees it.
#pragma once

#include <systemd/sd-journal.h>
