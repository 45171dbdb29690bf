#include "tsr_jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

// Files have ten scans or so; one of very many small scans takes long for its size.
enum { maximum_scan_count = 100 };

// What libjpeg's handlers are given, at the beginning of readers and writers.
typedef struct tsr_jpeg_errors {
    struct jpeg_error_mgr manager;
    jmp_buf escape;
    tsr_jpeg_failure failure;
    bool is_lenient;
    uint32_t damage_count;
    char message[JMSG_LENGTH_MAX];
} tsr_jpeg_errors;

static tsr_jpeg_failure kind_of(int code) {
    switch (code) {
    case JERR_OUT_OF_MEMORY: return TSR_JPEG_OUT_OF_MEMORY;
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_ARITH_NOTIMPL:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_BAD_PRECISION:
    case JERR_WIDTH_OVERFLOW: return TSR_JPEG_UNSUPPORTED;
    default: return TSR_JPEG_DAMAGED;
    }
}

// libjpeg demands that this does not return.
static void on_error(j_common_ptr info) {
    tsr_jpeg_errors *errors = (tsr_jpeg_errors *)info->err;
    errors->failure = kind_of(errors->manager.msg_code);
    errors->manager.format_message(info, errors->message);
    longjmp(errors->escape, 1);
}

// level: -1 for what may be damage, which libjpeg passes over; 0 and more to trace what is read.
static void on_message(j_common_ptr info, int level) {
    if (level >= 0) return;
    tsr_jpeg_errors *errors = (tsr_jpeg_errors *)info->err;
    switch (errors->manager.msg_code) {
    // None of these is about the pixels: a later revision of JFIF; a transform of colours whose number means nothing, in the
    // place of YCbCr; numbers of a scan that are not needed.
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
    case JWRN_NOT_SEQUENTIAL: return;
    default: break;
    }
    if (!errors->is_lenient) on_error(info);
    if (errors->damage_count < UINT32_MAX - 1) errors->damage_count += 1;
}

static void on_output(j_common_ptr info) { (void)info; }

static void set_up(tsr_jpeg_errors *errors) {
    jpeg_std_error(&errors->manager);
    errors->manager.error_exit = on_error;
    errors->manager.emit_message = on_message;
    errors->manager.output_message = on_output;
}

// MARK: Reading

struct tsr_jpeg_reader {
    tsr_jpeg_errors errors;
    struct jpeg_decompress_struct info;
    struct jpeg_progress_mgr progress;
    bool is_started;
    size_t bytes_per_row;
};

static void on_progress(j_common_ptr common) {
    struct jpeg_decompress_struct *info = (struct jpeg_decompress_struct *)common;
    if (!common->is_decompressor || info->input_scan_number <= maximum_scan_count) return;
    tsr_jpeg_errors *errors = (tsr_jpeg_errors *)common->err;
    errors->failure = TSR_JPEG_UNSUPPORTED;
    snprintf(errors->message, sizeof errors->message, "more than %d scans", (int)maximum_scan_count);
    longjmp(errors->escape, 1);
}

tsr_jpeg_reader *tsr_jpeg_open(const void *bytes, size_t byte_count, bool is_lenient) {
    tsr_jpeg_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) return NULL;
    set_up(&reader->errors);
    reader->errors.is_lenient = is_lenient;
    reader->info.err = &reader->errors.manager;
    if (setjmp(reader->errors.escape)) {
        tsr_jpeg_close(reader);
        return NULL;
    }
    jpeg_create_decompress(&reader->info);
    reader->progress.progress_monitor = on_progress;
    reader->info.progress = &reader->progress;
    jpeg_mem_src(&reader->info, bytes, (unsigned long)byte_count);
    return reader;
}

void tsr_jpeg_close(tsr_jpeg_reader *reader) {
    if (reader == NULL) return;
    jpeg_destroy_decompress(&reader->info);
    free(reader);
}

tsr_jpeg_failure tsr_jpeg_failure_kind(const tsr_jpeg_reader *reader) { return reader->errors.failure; }

const char *tsr_jpeg_message(const tsr_jpeg_reader *reader) { return reader->errors.message; }

uint32_t tsr_jpeg_damage_count(const tsr_jpeg_reader *reader) { return reader->errors.damage_count; }

bool tsr_jpeg_read_header(tsr_jpeg_reader *reader, tsr_jpeg_header *header) {
    struct jpeg_decompress_struct *info = &reader->info;
    if (setjmp(reader->errors.escape)) return false;
    jpeg_read_header(info, TRUE);
    uint8_t channel_count = 3;
    info->out_color_space = JCS_RGB;
    if (info->jpeg_color_space == JCS_GRAYSCALE) {
        channel_count = 1;
        info->out_color_space = JCS_GRAYSCALE;
    } else if (info->num_components == 4) {
        channel_count = 4;
        info->out_color_space = JCS_CMYK;
    }
    reader->bytes_per_row = (size_t)info->image_width * channel_count;
    *header = (tsr_jpeg_header){
        .width = info->image_width,
        .height = info->image_height,
        .channel_count = channel_count,
        .is_inverted = channel_count == 4 && info->saw_Adobe_marker,
        .has_multiple_scans = jpeg_has_multiple_scans(info),
    };
    return true;
}

bool tsr_jpeg_read_rows(tsr_jpeg_reader *reader, void *rows, uint32_t row_count) {
    struct jpeg_decompress_struct *info = &reader->info;
    if (setjmp(reader->errors.escape)) return false;
    if (!reader->is_started) {
        jpeg_start_decompress(info);
        reader->is_started = true;
    }
    uint8_t *row = rows;
    uint32_t rest = row_count;
    while (rest > 0) {
        JSAMPROW next[16];
        uint32_t count = rest < 16 ? rest : 16;
        for (uint32_t index = 0; index < count; index++) next[index] = row + index * reader->bytes_per_row;
        uint32_t done = jpeg_read_scanlines(info, next, count);
        row += done * reader->bytes_per_row;
        rest -= done;
    }
    return true;
}

bool tsr_jpeg_read_end(tsr_jpeg_reader *reader) {
    if (setjmp(reader->errors.escape)) return false;
    jpeg_finish_decompress(&reader->info);
    return true;
}

// MARK: Writing

struct tsr_jpeg_writer {
    tsr_jpeg_errors errors;
    struct jpeg_compress_struct info;
    struct jpeg_destination_mgr destination;
    tsr_jpeg_settings settings;
    uint8_t *bytes;
    size_t capacity;
    size_t byte_count;
};

static tsr_jpeg_writer *writer_of(j_compress_ptr info) {
    return (tsr_jpeg_writer *)((uint8_t *)info->dest - offsetof(tsr_jpeg_writer, destination));
}

static void on_start(j_compress_ptr info) {
    tsr_jpeg_writer *writer = writer_of(info);
    writer->destination.next_output_byte = writer->bytes;
    writer->destination.free_in_buffer = writer->capacity;
}

// The whole buffer is full, whatever libjpeg has counted.
static boolean on_full(j_compress_ptr info) {
    tsr_jpeg_writer *writer = writer_of(info);
    uint8_t *bytes = realloc(writer->bytes, 2 * writer->capacity);
    if (bytes == NULL) ERREXIT1(info, JERR_OUT_OF_MEMORY, 10);
    writer->bytes = bytes;
    writer->destination.next_output_byte = bytes + writer->capacity;
    writer->destination.free_in_buffer = writer->capacity;
    writer->capacity *= 2;
    return TRUE;
}

static void on_end(j_compress_ptr info) {
    tsr_jpeg_writer *writer = writer_of(info);
    writer->byte_count = writer->capacity - writer->destination.free_in_buffer;
}

tsr_jpeg_writer *tsr_jpeg_writer_create(const tsr_jpeg_settings *settings) {
    tsr_jpeg_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return NULL;
    set_up(&writer->errors);
    writer->info.err = &writer->errors.manager;
    writer->settings = *settings;
    writer->capacity = 64 * 1024;
    writer->bytes = malloc(writer->capacity);
    if (writer->bytes == NULL || setjmp(writer->errors.escape)) {
        tsr_jpeg_writer_destroy(writer);
        return NULL;
    }
    struct jpeg_compress_struct *info = &writer->info;
    jpeg_create_compress(info);
    writer->destination.init_destination = on_start;
    writer->destination.empty_output_buffer = on_full;
    writer->destination.term_destination = on_end;
    info->dest = &writer->destination;
    info->input_components = settings->channel_count;
    info->in_color_space = settings->channel_count == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, settings->quality, TRUE);
    info->dct_method = JDCT_ISLOW;
    if (settings->channel_count == 3) {
        info->comp_info[0].h_samp_factor = settings->horizontal_sampling;
        info->comp_info[0].v_samp_factor = settings->vertical_sampling;
    }
    if (settings->is_progressive) jpeg_simple_progression(info);
    info->restart_interval = settings->restart_interval;
    if (!settings->is_whole_file) info->write_JFIF_header = FALSE;
    return writer;
}

void tsr_jpeg_writer_destroy(tsr_jpeg_writer *writer) {
    if (writer == NULL) return;
    jpeg_destroy_compress(&writer->info);
    free(writer->bytes);
    free(writer);
}

bool tsr_jpeg_write(
    tsr_jpeg_writer *writer, const void *rows, uint32_t width, uint32_t height, uint8_t **bytes, size_t *byte_count) {
    struct jpeg_compress_struct *info = &writer->info;
    if (setjmp(writer->errors.escape)) {
        jpeg_abort_compress(info);
        return false;
    }
    info->image_width = width;
    info->image_height = height;
    bool has_tables = writer->settings.is_whole_file || writer->settings.is_progressive;
    jpeg_suppress_tables(info, !has_tables);
    jpeg_start_compress(info, has_tables);
    size_t bytes_per_row = (size_t)width * writer->settings.channel_count;
    while (info->next_scanline < height) {
        JSAMPROW next[16];
        uint32_t rest = height - info->next_scanline;
        uint32_t count = rest < 16 ? rest : 16;
        for (uint32_t index = 0; index < count; index++)
            next[index] = (JSAMPROW)rows + (info->next_scanline + index) * bytes_per_row;
        jpeg_write_scanlines(info, next, count);
    }
    jpeg_finish_compress(info);
    *bytes = writer->bytes;
    *byte_count = writer->byte_count;
    return true;
}

const char *tsr_jpeg_writer_message(const tsr_jpeg_writer *writer) { return writer->errors.message; }
