#ifndef TESSERA_CPROCESS_H
#define TESSERA_CPROCESS_H

/// What of the C library Swift's Glibc module leaves out.

/// Lets the allocator make at most `count` arenas. To be called before other threads allocate. Returns whether it was set.
int tsr_process_limit_arenas(int count);

#endif
