/* What the transposed convolutions share. */
#ifndef EP_REACHING_H
#define EP_REACHING_H

#include "ep_math.h"

/* The inputs, along one dimension, whose window covers `out`, counted from the padding's begin. */
static inline ep_span ep_reaching(int32_t out, int32_t stride, int32_t window, int32_t in)
{
    ep_span span = {0, ep_min(out / stride + 1, in)};
    if (out >= window) {
        span.begin = (out - window) / stride + 1;
    }
    return span;
}

#endif
