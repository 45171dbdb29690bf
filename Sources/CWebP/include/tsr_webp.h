// Reads and writes WebP images in memory by libwebp, whose structures are initialised by inline functions that check its
// version.
//
// Ownership: what `tsr_webp_encode` returns is freed by `tsr_webp_free`; everything else belongs to the caller. Nothing is kept
// between two calls.
#ifndef TSR_WEBP_H
#define TSR_WEBP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tsr_webp_result {
    TSR_WEBP_OK,
    TSR_WEBP_DAMAGED,
    TSR_WEBP_TRUNCATED,
    TSR_WEBP_UNSUPPORTED,
    TSR_WEBP_OUT_OF_MEMORY,
} tsr_webp_result;

typedef struct tsr_webp_header {
    uint32_t width;
    uint32_t height;
    bool has_alpha;
} tsr_webp_header;

// What libwebp sees in a file.
tsr_webp_result tsr_webp_read_header(const void *bytes, size_t byte_count, tsr_webp_header *header);

// Decodes a file to RGB or, with `channel_count` 4, RGBA, whose rows follow each other without padding in `pixels`.
tsr_webp_result tsr_webp_decode(
    const void *bytes, size_t byte_count, uint32_t width, uint32_t height, uint8_t channel_count, void *pixels);

// Decodes as many rows as the bytes hold; the others are zero. `row_count`: the rows that were decoded.
tsr_webp_result tsr_webp_decode_part(
    const void *bytes, size_t byte_count, uint32_t width, uint32_t height, uint8_t channel_count, void *pixels,
    uint32_t *row_count);

// Encodes RGB or RGBA rows that follow each other without padding to a whole file, by one thread.
//
// quality: 1 to 100; 0 for a lossless file, in which the colours of transparent pixels are kept, too.
tsr_webp_result tsr_webp_encode(
    const void *pixels, uint32_t width, uint32_t height, uint8_t channel_count, uint8_t quality, uint8_t **bytes,
    size_t *byte_count);
void tsr_webp_free(uint8_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
