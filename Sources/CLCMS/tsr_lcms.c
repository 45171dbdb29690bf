#include "tsr_lcms.h"

#include <stdlib.h>

#include <lcms2.h>

struct tsr_lcms_transform {
    cmsContext context;
    cmsHTRANSFORM transform;
};

static cmsHTRANSFORM made(
    cmsContext context, const void *inks, size_t inks_byte_count, const void *screen, size_t screen_byte_count,
    bool is_inverted, bool has_16_bits) {
    if (inks_byte_count > UINT32_MAX || screen_byte_count > UINT32_MAX) return NULL;
    cmsHPROFILE from = cmsOpenProfileFromMemTHR(context, inks, (cmsUInt32Number)inks_byte_count);
    cmsHPROFILE to = cmsOpenProfileFromMemTHR(context, screen, (cmsUInt32Number)screen_byte_count);
    cmsHTRANSFORM transform = NULL;
    if (from != NULL && to != NULL && cmsGetColorSpace(from) == cmsSigCmykData)
        transform = cmsCreateTransformTHR(
            context, from,
            has_16_bits ? is_inverted ? TYPE_CMYK_16_REV : TYPE_CMYK_16 : is_inverted ? TYPE_CMYK_8_REV : TYPE_CMYK_8, to,
            has_16_bits ? TYPE_RGB_16 : TYPE_RGB_8, INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE);
    if (from != NULL) cmsCloseProfile(from);
    if (to != NULL) cmsCloseProfile(to);
    return transform;
}

tsr_lcms_transform *tsr_lcms_create(
    const void *inks, size_t inks_byte_count, const void *screen, size_t screen_byte_count, bool is_inverted,
    bool has_16_bits) {
    tsr_lcms_transform *transform = calloc(1, sizeof *transform);
    if (transform == NULL) return NULL;
    transform->context = cmsCreateContext(NULL, NULL);
    if (transform->context != NULL)
        transform->transform =
            made(transform->context, inks, inks_byte_count, screen, screen_byte_count, is_inverted, has_16_bits);
    if (transform->transform != NULL) return transform;
    tsr_lcms_destroy(transform);
    return NULL;
}

void tsr_lcms_destroy(tsr_lcms_transform *transform) {
    if (transform == NULL) return;
    if (transform->transform != NULL) cmsDeleteTransform(transform->transform);
    if (transform->context != NULL) cmsDeleteContext(transform->context);
    free(transform);
}

void tsr_lcms_convert(const tsr_lcms_transform *transform, const void *inks, void *colors, uint32_t pixel_count) {
    cmsDoTransform(transform->transform, inks, colors, pixel_count);
}
