/* Means over all but the last dimension, for Helium. */
#ifndef EP_MEAN_S8_MVE_H
#define EP_MEAN_S8_MVE_H

#include <stdint.h>

typedef struct {
    int32_t pixels;
    int32_t channels;
    int32_t offset; /* the zero point, as often as it is in a sum */
    int32_t zero_point;
    int32_t multiplier; /* divides by the count too */
    int32_t shift;
} ep_mean_s8_mve_params;

/* in: (pixels, channels), out: (channels) */
void ep_mean_s8_mve(const ep_mean_s8_mve_params *p, const int8_t *in, int8_t *out);

#endif
