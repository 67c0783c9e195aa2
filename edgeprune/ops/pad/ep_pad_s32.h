#ifndef EP_PAD_S32_H
#define EP_PAD_S32_H

#include "ep_math.h"

typedef struct {
    int32_t extents[EP_LOOPS]; /* of the input */
    int32_t strides[EP_LOOPS]; /* of the output */
    int32_t count;             /* of the innermost loop */
    int32_t step;
    int32_t start;     /* where the input's first element goes */
    int32_t out_count; /* elements of the output */
    int32_t fill;
} ep_pad_s32_params;

/* The input inside a frame of `fill`. */
void ep_pad_s32(const ep_pad_s32_params *p, const int32_t *in, int32_t *out);

#endif
