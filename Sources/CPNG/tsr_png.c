#include "tsr_png.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

struct tsr_png_reader {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t byte_count;
    size_t position;
    tsr_png_header header;
    int pass_count;
    char message[256];
};

static void note_message(tsr_png_reader *reader, const char *message) {
    strncpy(reader->message, message, sizeof reader->message - 1);
    reader->message[sizeof reader->message - 1] = '\0';
}

// libpng demands that this does not return.
static void on_error(png_structp png, png_const_charp message) {
    note_message(png_get_error_ptr(png), message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep destination, size_t byte_count) {
    tsr_png_reader *reader = png_get_io_ptr(png);
    if (byte_count > reader->byte_count - reader->position) png_error(png, "the file ends too early");
    memcpy(destination, reader->bytes + reader->position, byte_count);
    reader->position += byte_count;
}

tsr_png_reader *tsr_png_open(const void *bytes, size_t byte_count) {
    tsr_png_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) return NULL;
    reader->bytes = bytes;
    reader->byte_count = byte_count;
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
    reader->info = reader->png == NULL ? NULL : png_create_info_struct(reader->png);
    if (reader->info == NULL) {
        tsr_png_close(reader);
        return NULL;
    }
    return reader;
}

void tsr_png_close(tsr_png_reader *reader) {
    if (reader == NULL) return;
    if (reader->png != NULL) png_destroy_read_struct(&reader->png, &reader->info, NULL);
    free(reader);
}

const char *tsr_png_message(const tsr_png_reader *reader) { return reader->message; }

bool tsr_png_read_header(tsr_png_reader *reader, tsr_png_header *header) {
    png_structp png = reader->png;
    png_infop info = reader->info;
    if (setjmp(png_jmpbuf(png))) return false;

    png_set_read_fn(png, reader, on_read);
    // As libpng's users have it: damaged ancillary chunks are dropped, and so is what it calls benign.
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    // A window that is larger than the file says does no harm; a smaller one makes some files unreadable.
    png_set_option(png, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);

    png_read_info(png, info);
    png_byte color_type = png_get_color_type(png, info);
    png_byte bit_depth = png_get_bit_depth(png, info);
    if (color_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (color_type == PNG_COLOR_TYPE_GRAY && bit_depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    // A tRNS chunk that is out of place counts as one without entries.
    int transparent_count = 0;
    png_get_tRNS(png, info, NULL, &transparent_count, NULL);
    if (png_get_valid(png, info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (bit_depth == 16) png_set_swap(png);
#endif
    reader->pass_count = png_set_interlace_handling(png);

    uint8_t channel_count = color_type == PNG_COLOR_TYPE_PALETTE ? 3 : png_get_channels(png, info);
    if (transparent_count > 0) channel_count++;
    uint8_t bits_per_sample = bit_depth == 16 ? 16 : 8;
    reader->header = (tsr_png_header){
        .width = png_get_image_width(png, info),
        .height = png_get_image_height(png, info),
        .channel_count = channel_count,
        .bits_per_sample = bits_per_sample,
        .is_interlaced = png_get_interlace_type(png, info) != PNG_INTERLACE_NONE,
        .bytes_per_row = (size_t)png_get_image_width(png, info) * channel_count * (bits_per_sample / 8),
    };
    *header = reader->header;
    return true;
}

bool tsr_png_read_image(tsr_png_reader *reader, void *rows) {
    if (setjmp(png_jmpbuf(reader->png))) return false;
    // Takes memory for a row: only now that the caller has found the size good.
    png_read_update_info(reader->png, reader->info);
    if (png_get_rowbytes(reader->png, reader->info) != reader->header.bytes_per_row)
        png_error(reader->png, "the rows have another size than the header says");
    for (int pass = 0; pass < reader->pass_count; pass++)
        for (size_t y = 0; y < reader->header.height; y++)
            png_read_row(reader->png, (png_bytep)rows + y * reader->header.bytes_per_row, NULL);
    return true;
}

bool tsr_png_read_end(tsr_png_reader *reader) {
    if (setjmp(png_jmpbuf(reader->png))) return false;
    png_read_end(reader->png, reader->info);
    return true;
}
