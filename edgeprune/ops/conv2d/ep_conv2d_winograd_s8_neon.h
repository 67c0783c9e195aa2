/* Convolution by windows of 3 x 3 with strides of 1, for NEON: exact integer Winograd F(2x2, 3x3).
 *
 * A tile is 2 x 2 outputs of a channel, made of 16 sums instead of 36: of transformed inputs (16 bits) times
 * transformed filters. A stream holds for each 8 channels: 4 * bias with the input's zero point multiplied out
 * (int32), filters for each of 16 frequencies and each input (int16), multipliers, shifts (int32). */
#ifndef EP_CONV2D_WINOGRAD_S8_NEON_H
#define EP_CONV2D_WINOGRAD_S8_NEON_H

#include "ep_requantize_neon.h"

typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t in_channels; /* a multiple of 8 */
    int32_t out_channels;
    int32_t in_zero_point;
    int32_t tile_columns;
    int32_t tile_rows; /* that are made together */
    int32_t ring_at;   /* these three: offsets in the scratch */
    int32_t inputs_at;
    int32_t sums_at;
    ep_output_neon output;
    const int8_t *stream;
} ep_conv2d_winograd_s8_neon_params;

/* in: (in_h, in_w, in_channels), out: (out_h, out_w, out_channels) */
void ep_conv2d_winograd_s8_neon(const ep_conv2d_winograd_s8_neon_params *p, const int8_t *in, int8_t *out,
                                void *scratch);

#endif
