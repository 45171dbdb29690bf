#include "tsr_webp.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/encode.h>

static tsr_webp_result result_of(VP8StatusCode status) {
    switch (status) {
    case VP8_STATUS_OK: return TSR_WEBP_OK;
    case VP8_STATUS_OUT_OF_MEMORY: return TSR_WEBP_OUT_OF_MEMORY;
    case VP8_STATUS_UNSUPPORTED_FEATURE: return TSR_WEBP_UNSUPPORTED;
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED: return TSR_WEBP_TRUNCATED;
    default: return TSR_WEBP_DAMAGED;
    }
}

tsr_webp_result tsr_webp_read_header(const void *bytes, size_t byte_count, tsr_webp_header *header) {
    WebPBitstreamFeatures features;
    VP8StatusCode status = WebPGetFeatures(bytes, byte_count, &features);
    if (status != VP8_STATUS_OK) return result_of(status);
    if (features.has_animation) return TSR_WEBP_UNSUPPORTED;
    *header = (tsr_webp_header){
        .width = (uint32_t)features.width,
        .height = (uint32_t)features.height,
        .has_alpha = features.has_alpha != 0,
    };
    return TSR_WEBP_OK;
}

// Decoding to the caller's memory, by one thread.
static bool set_up(WebPDecoderConfig *config, uint32_t width, uint32_t height, uint8_t channel_count, void *pixels) {
    if (!WebPInitDecoderConfig(config)) return false;
    size_t bytes_per_row = (size_t)width * channel_count;
    config->output.colorspace = channel_count == 4 ? MODE_RGBA : MODE_RGB;
    config->output.is_external_memory = 1;
    config->output.u.RGBA.rgba = pixels;
    config->output.u.RGBA.stride = (int)bytes_per_row;
    config->output.u.RGBA.size = bytes_per_row * height;
    return true;
}

tsr_webp_result tsr_webp_decode(
    const void *bytes, size_t byte_count, uint32_t width, uint32_t height, uint8_t channel_count, void *pixels) {
    WebPDecoderConfig config;
    if (!set_up(&config, width, height, channel_count, pixels)) return TSR_WEBP_UNSUPPORTED;
    tsr_webp_result result = result_of(WebPDecode(bytes, byte_count, &config));
    WebPFreeDecBuffer(&config.output);
    return result;
}

tsr_webp_result tsr_webp_decode_part(
    const void *bytes, size_t byte_count, uint32_t width, uint32_t height, uint8_t channel_count, void *pixels,
    uint32_t *row_count) {
    WebPDecoderConfig config;
    *row_count = 0;
    if (!set_up(&config, width, height, channel_count, pixels)) return TSR_WEBP_UNSUPPORTED;
    memset(pixels, 0, config.output.u.RGBA.size);
    WebPIDecoder *decoder = WebPINewDecoder(&config.output);
    if (decoder == NULL) return TSR_WEBP_OUT_OF_MEMORY;
    tsr_webp_result result = result_of(WebPIUpdate(decoder, bytes, byte_count));
    int last_row = 0;
    if (WebPIDecGetRGB(decoder, &last_row, NULL, NULL, NULL) != NULL && last_row > 0) *row_count = (uint32_t)last_row;
    WebPIDelete(decoder);
    WebPFreeDecBuffer(&config.output);
    return result;
}

tsr_webp_result tsr_webp_encode(
    const void *pixels, uint32_t width, uint32_t height, uint8_t channel_count, uint8_t quality, uint8_t **bytes,
    size_t *byte_count) {
    WebPConfig config;
    WebPPicture picture;
    if (!WebPConfigInit(&config) || !WebPPictureInit(&picture)) return TSR_WEBP_UNSUPPORTED;
    // libwebp's own choice between speed and size. Of a lossless file, its quality is effort.
    config.method = 4;
    config.thread_level = 0;
    config.lossless = quality == 0;
    config.exact = quality == 0;
    config.quality = quality == 0 ? 75 : quality;
    picture.use_argb = config.lossless;
    picture.width = (int)width;
    picture.height = (int)height;
    int bytes_per_row = (int)(width * channel_count);
    int is_imported = channel_count == 4 ? WebPPictureImportRGBA(&picture, pixels, bytes_per_row)
                                         : WebPPictureImportRGB(&picture, pixels, bytes_per_row);
    WebPMemoryWriter writer;
    WebPMemoryWriterInit(&writer);
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    bool is_done = is_imported && WebPEncode(&config, &picture);
    tsr_webp_result result = is_done ? TSR_WEBP_OK : TSR_WEBP_UNSUPPORTED;
    if (!is_done && (picture.error_code == VP8_ENC_ERROR_OUT_OF_MEMORY || !is_imported)) result = TSR_WEBP_OUT_OF_MEMORY;
    WebPPictureFree(&picture);
    if (!is_done) {
        WebPMemoryWriterClear(&writer);
        return result;
    }
    *bytes = writer.mem;
    *byte_count = writer.size;
    return TSR_WEBP_OK;
}

void tsr_webp_free(uint8_t *bytes) { WebPFree(bytes); }
