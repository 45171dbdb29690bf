#include "CMPI.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// The requests are passed to MPI_Waitall in place.
_Static_assert(sizeof(tsr_mpi_request) == sizeof(MPI_Request), "an MPI_Request is one pointer in Open MPI");

int tsr_mpi_init(void) {
    int provided = MPI_THREAD_SINGLE;
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    if (code != MPI_SUCCESS) return code;
    if (provided < MPI_THREAD_FUNNELED) return MPI_ERR_OTHER;
    return MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
}

int tsr_mpi_finalize(void) { return MPI_Finalize(); }

int tsr_mpi_rank(int *rank) { return MPI_Comm_rank(MPI_COMM_WORLD, rank); }

int tsr_mpi_size(int *size) { return MPI_Comm_size(MPI_COMM_WORLD, size); }

void tsr_mpi_abort(int exit_code) {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    _exit(exit_code);
}

void tsr_mpi_error_text(int code, char *text, size_t capacity) {
    char buffer[MPI_MAX_ERROR_STRING];
    int length = 0;
    if (capacity == 0) return;
    if (MPI_Error_string(code, buffer, &length) == MPI_SUCCESS) {
        snprintf(text, capacity, "%.*s", length, buffer);
    } else {
        snprintf(text, capacity, "unknown MPI error %d", code);
    }
}

int tsr_mpi_isend(const void *bytes, int count, int peer, int tag, tsr_mpi_request *request) {
    return MPI_Isend(bytes, count, MPI_BYTE, peer, tag, MPI_COMM_WORLD, (MPI_Request *)&request->handle);
}

int tsr_mpi_irecv(void *bytes, int count, int peer, int tag, tsr_mpi_request *request) {
    return MPI_Irecv(bytes, count, MPI_BYTE, peer, tag, MPI_COMM_WORLD, (MPI_Request *)&request->handle);
}

int tsr_mpi_wait_all(tsr_mpi_request *requests, int count) {
    return MPI_Waitall(count, (MPI_Request *)requests, MPI_STATUSES_IGNORE);
}

int tsr_mpi_allgather_u64(uint64_t value, uint64_t *values) {
    return MPI_Allgather(&value, 1, MPI_UINT64_T, values, 1, MPI_UINT64_T, MPI_COMM_WORLD);
}

int tsr_mpi_allgatherv(const void *bytes, int count, void *all, const int *counts, const int *offsets) {
    return MPI_Allgatherv(bytes, count, MPI_BYTE, all, counts, offsets, MPI_BYTE, MPI_COMM_WORLD);
}

int tsr_mpi_gatherv(const void *bytes, int count, void *all, const int *counts, const int *offsets) {
    return MPI_Gatherv(bytes, count, MPI_BYTE, all, counts, offsets, MPI_BYTE, 0, MPI_COMM_WORLD);
}
