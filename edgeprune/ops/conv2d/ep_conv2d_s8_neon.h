/* Convolution in one group for NEON; see ep_convolution_neon.h. */
#ifndef EP_CONV2D_S8_NEON_H
#define EP_CONV2D_S8_NEON_H

#include "ep_convolution_neon.h"

typedef struct {
    ep_convolution_neon convolution;
} ep_conv2d_s8_neon_params;

/* in: (in_h, in_w, in_channels), out: (out_h, out_w, out_channels), scratch: see the convolution's offsets */
void ep_conv2d_s8_neon(const ep_conv2d_s8_neon_params *p, const int8_t *in, int8_t *out, void *scratch);

#endif
