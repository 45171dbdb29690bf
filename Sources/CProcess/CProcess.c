#include "CProcess.h"

#include <malloc.h>

int tsr_process_limit_arenas(int count) { return mallopt(M_ARENA_MAX, count); }
