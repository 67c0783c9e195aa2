/* The highest value in each window. */
#ifndef EP_MAX_POOL2D_S16_H
#define EP_MAX_POOL2D_S16_H

#include <stdint.h>

typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t window_h;
    int32_t window_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t channels;
    int32_t act_min;
    int32_t act_max;
} ep_max_pool2d_s16_params;

/* in: (in_h, in_w, channels), out: (out_h, out_w, channels) */
void ep_max_pool2d_s16(const ep_max_pool2d_s16_params *p, const int16_t *in, int16_t *out);

#endif
