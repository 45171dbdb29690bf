// Reads and writes JPEG files in memory by libjpeg, without setjmp in sight.
//
// Every function that can fail returns false and leaves a failure with libjpeg's message in the reader or writer: no error
// leaves this file by longjmp or is printed. After a failure a reader may only be asked for it and closed; a writer
// may be used again.
//
// Ownership: `tsr_jpeg_open` and `tsr_jpeg_writer_create` allocate, `tsr_jpeg_close` and `tsr_jpeg_writer_destroy` free. The
// file's bytes belong to the caller and must stay until then. A reader or writer belongs to one thread at a time.
#ifndef TSR_JPEG_H
#define TSR_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tsr_jpeg_failure {
    TSR_JPEG_NONE,
    TSR_JPEG_DAMAGED,
    TSR_JPEG_UNSUPPORTED,
    TSR_JPEG_OUT_OF_MEMORY,
} tsr_jpeg_failure;

// Reading.

typedef struct tsr_jpeg_reader tsr_jpeg_reader;

// The image as its rows are delivered: gray, RGB, or four inks (CMYK), of 8 bits.
typedef struct tsr_jpeg_header {
    uint32_t width;
    uint32_t height;
    uint8_t channel_count;
    bool is_inverted;               // of inks: 255 is none, as files with Adobe's mark have it
    bool has_multiple_scans;
} tsr_jpeg_header;

// is_lenient: what libjpeg calls damage (its warnings) is counted instead of being a failure.
// Returns NULL only when memory is short.
tsr_jpeg_reader *tsr_jpeg_open(const void *bytes, size_t byte_count, bool is_lenient);
void tsr_jpeg_close(tsr_jpeg_reader *reader);

// The kind of the last failure, and libjpeg's sentence on it, which is valid until `tsr_jpeg_close`.
tsr_jpeg_failure tsr_jpeg_failure_kind(const tsr_jpeg_reader *reader);
const char *tsr_jpeg_message(const tsr_jpeg_reader *reader);

// Damage that was passed over.
uint32_t tsr_jpeg_damage_count(const tsr_jpeg_reader *reader);

// Reads everything before the image data. To be called first, once.
bool tsr_jpeg_read_header(tsr_jpeg_reader *reader, tsr_jpeg_header *header);

// Reads the next `row_count` rows, at most as many as are left, one after the other without padding. The first call reads
// all image data of a file with several scans.
bool tsr_jpeg_read_rows(tsr_jpeg_reader *reader, void *rows, uint32_t row_count);

// Reads from the last row to the end of the image.
bool tsr_jpeg_read_end(tsr_jpeg_reader *reader);

// Writing.

typedef struct tsr_jpeg_writer tsr_jpeg_writer;

typedef struct tsr_jpeg_settings {
    uint8_t channel_count;          // 1 or 3
    uint8_t quality;                // 1 to 100
    uint8_t horizontal_sampling;    // of luminance, for 3 channels: 1 or 2
    uint8_t vertical_sampling;
    bool is_progressive;
    // Whether tables and the JFIF marker are written. Progressive files always have tables: they follow from the pixels.
    bool is_whole_file;
    uint32_t restart_interval;      // in MCUs; 0 for none
} tsr_jpeg_settings;

// Returns NULL only when memory is short, or for settings that are not allowed.
tsr_jpeg_writer *tsr_jpeg_writer_create(const tsr_jpeg_settings *settings);
void tsr_jpeg_writer_destroy(tsr_jpeg_writer *writer);

// Encodes an image of rows that follow each other without padding. `bytes` belong to the writer, are valid until its next
// use, and may be changed.
bool tsr_jpeg_write(
    tsr_jpeg_writer *writer, const void *rows, uint32_t width, uint32_t height, uint8_t **bytes, size_t *byte_count);

const char *tsr_jpeg_writer_message(const tsr_jpeg_writer *writer);

#ifdef __cplusplus
}
#endif
#endif
