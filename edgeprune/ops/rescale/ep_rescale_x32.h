#ifndef EP_RESCALE_X32_H
#define EP_RESCALE_X32_H

#include "ep_math.h"

typedef struct {
    int32_t count;
    int32_t in_bytes; /* of an element: 1, 2 or 4, signed */
    int32_t out_bytes;
    int32_t in_zero_point;
    int32_t multiplier; /* for what is not below the zero point */
    int32_t shift;
    int32_t negative_multiplier;
    int32_t negative_shift;
    int32_t negative_sign; /* 1 or -1, applied after rounding */
    int32_t zero_point;
    int32_t low;
    int32_t high;
} ep_rescale_x32_params;

/* Signed integers of up to 32 bits, scaled by a factor for each sign, and clamped. */
void ep_rescale_x32(const ep_rescale_x32_params *p, const void *in, void *out);

#endif
