#ifndef EP_SPACE_TO_BATCH_X8_H
#define EP_SPACE_TO_BATCH_X8_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t in_h;
    int32_t in_w;
    int32_t out_h;
    int32_t out_w;
    int32_t block_h;
    int32_t block_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t pixel_bytes;
    uint8_t fill;
} ep_space_to_batch_x8_params;

/* Copies whole pixels, one image of the output for each pixel of a block; pads with bytes `fill`. */
void ep_space_to_batch_x8(const ep_space_to_batch_x8_params *p, const void *in, void *out);

#endif
