// Faults that a marked image causes in a rank, from outside the product: a library for LD_PRELOAD.
//
// A rank of the released program opens its input as always. This library replaces the C library's `open`, looks at the
// first bytes of every file called `input`, and, where it finds a mark, does to the process what a hostile image would:
//
//     tessera-poison:crash      writes to address 8
//     tessera-poison:hang       sleeps for ever
//     tessera-poison:exhaust    allocates memory until the system refuses
//
// With TEST_POISON_MISCOMPUTE=N in its environment, the rank computes wrongly instead, as a core would that flips a bit now and
// then: of every N files of raw rows that it opens, one has a bit changed before it is read. The result is a whole file, of
// another picture.
//
// No mark has an effect once the file that TEST_POISON_ANTIDOTE names exists: as if a new release had mended the fault.
#ifndef TEST_POISON_H
#define TEST_POISON_H

// Longer prefixes of a file are not searched.
#define TEST_POISON_SEARCHED_BYTE_COUNT 4096

#endif
