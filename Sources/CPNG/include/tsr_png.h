// Reads a PNG file in memory by libpng, without setjmp in sight.
//
// Every function that can fail returns false and leaves libpng's message in the reader: no error leaves this file by
// longjmp, and no error is printed. After a failure the reader may only be asked for its message and closed.
//
// Ownership: `tsr_png_open` allocates a reader, `tsr_png_close` frees it. The file's bytes belong to the caller and must
// stay until then. A reader belongs to one thread at a time.
#ifndef TSR_PNG_H
#define TSR_PNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tsr_png_reader tsr_png_reader;

// The image as its rows are delivered: palettes and 1, 2, 4 bits expanded to 8, transparent colours to an alpha channel.
typedef struct tsr_png_header {
    uint32_t width;
    uint32_t height;
    uint8_t channel_count;
    uint8_t bits_per_sample;  // 8 or 16; 16 in the machine's byte order
    bool is_interlaced;
    size_t bytes_per_row;
} tsr_png_header;

// Returns NULL only when memory is short.
tsr_png_reader *tsr_png_open(const void *bytes, size_t byte_count);
void tsr_png_close(tsr_png_reader *reader);

// The sentence of libpng that explains the last failure; valid until `tsr_png_close`.
const char *tsr_png_message(const tsr_png_reader *reader);

// Reads everything before the image data, and takes no memory for rows, however wide these are. To be called first, once.
bool tsr_png_read_header(tsr_png_reader *reader, tsr_png_header *header);

// Reads a whole image, interlaced or not, to `rows`, which has room for all of it.
bool tsr_png_read_image(tsr_png_reader *reader, void *rows);

// Reads from the last row to IEND.
bool tsr_png_read_end(tsr_png_reader *reader);

#ifdef __cplusplus
}
#endif
#endif
