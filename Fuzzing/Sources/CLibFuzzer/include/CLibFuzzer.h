// libFuzzer as a library: its own main is left out, since the program decides which target it runs.
#ifndef C_LIB_FUZZER_H
#define C_LIB_FUZZER_H

#include <stddef.h>
#include <stdint.h>

// Runs the fuzzer with the options and corpora in `argv`; `target` gets one input at a time, which it must not keep.
// Returns the exit status, or exits itself.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*target)(const uint8_t *bytes, size_t byte_count));

#endif
