/* ep_avg_pool2d_s8 for NEON: 16 channels at a time. */
#ifndef EP_AVG_POOL2D_S8_NEON_H
#define EP_AVG_POOL2D_S8_NEON_H

#include <stdint.h>

typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t window_h; /* at most 4096 elements in a window */
    int32_t window_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t channels; /* 16 or more */
    int32_t act_min;
    int32_t act_max;
} ep_avg_pool2d_s8_neon_params;

/* in: (in_h, in_w, channels), out: (out_h, out_w, channels) */
void ep_avg_pool2d_s8_neon(const ep_avg_pool2d_s8_neon_params *p, const int8_t *in, int8_t *out);

#endif
