// What Swift cannot import of MPI and of the kernel: macros, opaque handles and variadic calls, behind plain functions.
//
// All functions act on MPI_COMM_WORLD. Unless they say otherwise they return an MPI error code, 0 (MPI_SUCCESS) for
// success; none of them takes ownership of memory. Buffers of a request must stay valid and untouched until
// `tsr_mpi_wait_all` has returned for it. Only the thread that called `tsr_mpi_init` may call them.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// One outstanding send or receive; owned by the caller, freed by tsr_mpi_wait_all.
typedef struct {
    void *handle;
} tsr_mpi_request;

// Starts MPI for one calling thread (MPI_THREAD_FUNNELED), with errors returned instead of fatal.
int tsr_mpi_init(void);
int tsr_mpi_finalize(void);
int tsr_mpi_rank(int *rank);
int tsr_mpi_size(int *size);

// Ends every rank of the world; does not return.
void tsr_mpi_abort(int exit_code) __attribute__((noreturn));

// Writes the text of an error code into `text`, always terminated.
void tsr_mpi_error_text(int code, char *text, size_t capacity);

int tsr_mpi_isend(const void *bytes, int count, int peer, int tag, tsr_mpi_request *request);
int tsr_mpi_irecv(void *bytes, int count, int peer, int tag, tsr_mpi_request *request);
int tsr_mpi_wait_all(tsr_mpi_request *requests, int count);

int tsr_mpi_barrier(void);
// One UInt64 from every rank to every rank, in rank order.
int tsr_mpi_allgather_u64(uint64_t value, uint64_t *values);
// The largest of every rank's value, at every rank.
int tsr_mpi_allreduce_max_u64(uint64_t value, uint64_t *largest);
int tsr_mpi_allgatherv(const void *bytes, int count, void *all, const int *counts, const int *offsets);
// `all`, `counts` and `offsets` matter on rank 0 only.
int tsr_mpi_gatherv(const void *bytes, int count, void *all, const int *counts, const int *offsets);

// Asks the kernel to send `signal` to this process when the thread that started it ends.
// The request survives exec. Returns 0, an errno, or ESRCH when the parent is not (any more) `parent`.
int tsr_mpi_follow_parent(pid_t parent, int signal);

// Closes every open file from `first` on: what a multi-threaded parent may have let slip into a child.
void tsr_mpi_close_from(int first);
