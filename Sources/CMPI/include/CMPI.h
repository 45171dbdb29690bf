// What Swift cannot import of MPI, macros and opaque handles, behind plain functions.
//
// All functions act on MPI_COMM_WORLD. Unless they say otherwise they return an MPI error code: 0 (MPI_SUCCESS) for success.
// No function takes ownership of memory. The buffer of a request must stay valid and untouched until `tsr_mpi_wait_all` has
// returned for it. Only the thread that called `tsr_mpi_init` may call them.
#pragma once

#include <stddef.h>
#include <stdint.h>

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

// One UInt64 from every rank to every rank, in rank order.
int tsr_mpi_allgather_u64(uint64_t value, uint64_t *values);
int tsr_mpi_allgatherv(const void *bytes, int count, void *all, const int *counts, const int *offsets);
// `all`, `counts` and `offsets` matter on rank 0 only.
int tsr_mpi_gatherv(const void *bytes, int count, void *all, const int *counts, const int *offsets);
