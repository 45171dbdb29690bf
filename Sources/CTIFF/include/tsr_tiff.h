// Decodes strips and tiles of TIFF files by libtiff, each by itself and from memory.
//
// The decoder is opened over a directory that the caller has made: it describes an image of one piece, or of two strips
// when the last strip of a file is shorter. libtiff never sees the file, and its reading of directories only ours.
//
// Every function that can fail returns false and leaves libtiff's message in the decoder. No error is printed, and none
// leaves this file by longjmp: libtiff catches those of the JPEG library itself.
//
// Ownership: `tsr_tiff_open` allocates a decoder, `tsr_tiff_close` frees it. The bytes that it is given belong to the
// caller and are not used after a call returns. A decoder belongs to one thread at a time; several of them do not share
// anything.
#ifndef TSR_TIFF_H
#define TSR_TIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tsr_tiff_decoder tsr_tiff_decoder;

// Opens a decoder for pieces like the one that `header` describes.
//
// `header` is a classic TIFF file up to its first piece, which begins at byte `header_byte_count`; `piece` is that piece.
// libtiff looks into it for the subsampling of JPEG, which many files state wrongly.
//
// Returns NULL only when memory is short.
tsr_tiff_decoder *tsr_tiff_open(
    const void *header, size_t header_byte_count, const void *piece, size_t piece_byte_count);
void tsr_tiff_close(tsr_tiff_decoder *decoder);

// Whether the decoder was opened, and libtiff has a codec for the compression. To be asked first.
bool tsr_tiff_is_ready(const tsr_tiff_decoder *decoder);

// libtiff's sentence about the last failure; valid until the next call.
const char *tsr_tiff_message(const tsr_tiff_decoder *decoder);

// Decodes a piece to `rows`: 16-bit samples in the machine's byte order, YCbCr inside JPEG as RGB.
//
// `index` is 0, or 1 for the shorter last strip. `piece` must not be empty; libtiff turns its bits in place when they are
// in reversed order, which is why it is not const. When it returns false, a part of `rows` may have been written.
bool tsr_tiff_decode(
    tsr_tiff_decoder *decoder, uint32_t index, void *piece, size_t piece_byte_count, void *rows, size_t rows_byte_count);

#ifdef __cplusplus
}
#endif
#endif
