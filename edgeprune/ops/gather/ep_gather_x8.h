#ifndef EP_GATHER_X8_H
#define EP_GATHER_X8_H

#include "ep_math.h"

typedef struct {
    int32_t extents[EP_LOOPS];
    int32_t strides[EP_LOOPS]; /* of the input, in bytes; negative ones walk backwards */
    int32_t count;             /* of the innermost loop */
    int32_t step;
    int32_t start;
} ep_gather_x8_params;

/* Writes bytes in order, read from anywhere. */
void ep_gather_x8(const ep_gather_x8_params *p, const void *in, void *out);

#endif
