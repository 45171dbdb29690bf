#include "tsr_tiff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

struct tsr_tiff_decoder {
    TIFF *tiff;
    // The file that libtiff sees while it opens.
    const uint8_t *header;
    size_t header_byte_count;
    const uint8_t *piece;
    size_t piece_byte_count;
    uint64_t position;
    // Set by errors, and by what the JPEG library calls warnings: that data is missing or wrong.
    bool has_failed;
    char message[256];
};

static void note_message(tsr_tiff_decoder *decoder, const char *module, const char *format, va_list arguments) {
    // The first of several says what was wrong; the others follow from it.
    if (decoder->has_failed) return;
    decoder->has_failed = true;
    int length = module == NULL ? 0 : snprintf(decoder->message, sizeof decoder->message, "%s: ", module);
    if (length < 0 || (size_t)length >= sizeof decoder->message) length = 0;
    vsnprintf(decoder->message + length, sizeof decoder->message - (size_t)length, format, arguments);
}

// 1: nobody else is told.
static int on_error(TIFF *tiff, void *user_data, const char *module, const char *format, va_list arguments) {
    (void)tiff;
    note_message(user_data, module, format, arguments);
    return 1;
}

static int on_warning(TIFF *tiff, void *user_data, const char *module, const char *format, va_list arguments) {
    (void)tiff;
    if (module != NULL && strcmp(module, "JPEGLib") == 0) note_message(user_data, module, format, arguments);
    return 1;
}

static tmsize_t on_read(thandle_t handle, void *destination, tmsize_t byte_count) {
    tsr_tiff_decoder *decoder = handle;
    uint8_t *output = destination;
    size_t wanted = byte_count < 0 ? 0 : (size_t)byte_count, done = 0;
    if (decoder->position < decoder->header_byte_count) {
        size_t rest = decoder->header_byte_count - (size_t)decoder->position;
        done = wanted < rest ? wanted : rest;
        memcpy(output, decoder->header + decoder->position, done);
    }
    uint64_t start = decoder->position + done - decoder->header_byte_count;
    if (done < wanted && decoder->position + done >= decoder->header_byte_count && start < decoder->piece_byte_count) {
        size_t rest = decoder->piece_byte_count - (size_t)start;
        size_t part = wanted - done < rest ? wanted - done : rest;
        memcpy(output + done, decoder->piece + start, part);
        done += part;
    }
    decoder->position += done;
    return (tmsize_t)done;
}

static tmsize_t on_write(thandle_t handle, void *bytes, tmsize_t byte_count) {
    (void)handle;
    (void)bytes;
    (void)byte_count;
    return 0;
}

static toff_t on_size(thandle_t handle) {
    tsr_tiff_decoder *decoder = handle;
    return decoder->header_byte_count + decoder->piece_byte_count;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
    tsr_tiff_decoder *decoder = handle;
    if (whence == SEEK_SET) decoder->position = offset;
    if (whence == SEEK_CUR) decoder->position += offset;
    if (whence == SEEK_END) decoder->position = on_size(handle) + offset;
    return decoder->position;
}

static int on_close(thandle_t handle) {
    (void)handle;
    return 0;
}

tsr_tiff_decoder *tsr_tiff_open(
    const void *header, size_t header_byte_count, const void *piece, size_t piece_byte_count) {
    tsr_tiff_decoder *decoder = calloc(1, sizeof *decoder);
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (decoder == NULL || options == NULL) {
        free(decoder);
        if (options != NULL) TIFFOpenOptionsFree(options);
        return NULL;
    }
    decoder->header = header;
    decoder->header_byte_count = header_byte_count;
    decoder->piece = piece;
    decoder->piece_byte_count = piece_byte_count;
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, decoder);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, decoder);
    // "C": no strip is cut into smaller ones; "m": nothing is mapped.
    decoder->tiff = TIFFClientOpenExt(
        "piece", "rCm", decoder, on_read, on_write, on_seek, on_close, on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    if (decoder->tiff != NULL) {
        uint16_t compression = COMPRESSION_NONE;
        TIFFGetField(decoder->tiff, TIFFTAG_COMPRESSION, &compression);
        if (compression == COMPRESSION_JPEG) {
            TIFFSetField(decoder->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        }
        if (!TIFFIsCODECConfigured(compression)) {
            snprintf(decoder->message, sizeof decoder->message, "libtiff was built without this compression");
            TIFFClose(decoder->tiff);
            decoder->tiff = NULL;
        }
    }
    // Nothing of it is read again: pieces are given.
    decoder->header = NULL;
    decoder->header_byte_count = 0;
    decoder->piece = NULL;
    decoder->piece_byte_count = 0;
    return decoder;
}

void tsr_tiff_close(tsr_tiff_decoder *decoder) {
    if (decoder == NULL) return;
    if (decoder->tiff != NULL) TIFFClose(decoder->tiff);
    free(decoder);
}

bool tsr_tiff_is_ready(const tsr_tiff_decoder *decoder) { return decoder->tiff != NULL; }

const char *tsr_tiff_message(const tsr_tiff_decoder *decoder) { return decoder->message; }

bool tsr_tiff_decode(
    tsr_tiff_decoder *decoder, uint32_t index, void *piece, size_t piece_byte_count, void *rows, size_t rows_byte_count) {
    decoder->has_failed = false;
    decoder->message[0] = '\0';
    // libtiff would take an empty piece for one of the size that the directory says.
    if (piece_byte_count == 0) {
        snprintf(decoder->message, sizeof decoder->message, "there are no bytes");
        return false;
    }
    int result = TIFFReadFromUserBuffer(
        decoder->tiff, index, piece, (tmsize_t)piece_byte_count, rows, (tmsize_t)rows_byte_count);
    return result == 1 && !decoder->has_failed;
}
