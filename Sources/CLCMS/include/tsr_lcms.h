// Converts inks to RGB through a printer's profile, by Little CMS, whose formats of pixels are computed macros.
//
// Nothing is kept between two transforms: each has a context of its own, and no error is printed.
//
// Ownership: `tsr_lcms_create` allocates, `tsr_lcms_destroy` frees. The profiles' bytes are copied. A transform belongs to one
// thread at a time.
#ifndef TSR_LCMS_H
#define TSR_LCMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tsr_lcms_transform tsr_lcms_transform;

// From cyan, magenta, yellow and black to red, green and blue, of 8 bits each, or of 16 in the machine's byte order: perceptual.
//
// is_inverted: the largest value means no ink, as Adobe's programs store JPEG files, instead of all ink.
// Returns NULL for a profile that is not one of four inks, or is damaged.
tsr_lcms_transform *tsr_lcms_create(
    const void *inks, size_t inks_byte_count, const void *screen, size_t screen_byte_count, bool is_inverted,
    bool has_16_bits);
void tsr_lcms_destroy(tsr_lcms_transform *transform);

// Converts pixels; `inks` has four samples for each, `colors` three.
void tsr_lcms_convert(const tsr_lcms_transform *transform, const void *inks, void *colors, uint32_t pixel_count);

#ifdef __cplusplus
}
#endif
#endif
