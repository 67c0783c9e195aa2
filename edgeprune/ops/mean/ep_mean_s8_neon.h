/* Means over all but the last dimension, for NEON. */
#ifndef EP_MEAN_S8_NEON_H
#define EP_MEAN_S8_NEON_H

#include "ep_requantize_neon.h"

typedef struct {
    int32_t pixels;
    int32_t channels;   /* 16 or more */
    int32_t offset;     /* the zero point, as often as it is in a sum */
    int32_t multiplier; /* divides by the count too */
    int32_t shift;
    ep_output_neon output;
} ep_mean_s8_neon_params;

/* in: (pixels, channels), out: (channels) */
void ep_mean_s8_neon(const ep_mean_s8_neon_params *p, const int8_t *in, int8_t *out);

#endif
