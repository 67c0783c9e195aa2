#include "ep_space_to_batch_x8.h"

/* The pixels at `row` and `column` of all blocks of one image; returns the end of what it wrote. */
static uint8_t *image(const ep_space_to_batch_x8_params *p, const uint8_t *in, int32_t row, int32_t column,
                      uint8_t *to)
{
    for (int32_t h = 0; h < p->out_h; h++) {
        const int32_t y = h * p->block_h + row - p->pad_top;
        for (int32_t w = 0; w < p->out_w; w++) {
            const int32_t x = w * p->block_w + column - p->pad_left;
            const int is_inside = y >= 0 && y < p->in_h && x >= 0 && x < p->in_w;
            const uint8_t *pixel = is_inside ? in + (y * p->in_w + x) * p->pixel_bytes : in;
            for (int32_t i = 0; i < p->pixel_bytes; i++) {
                *to++ = is_inside ? pixel[i] : p->fill;
            }
        }
    }
    return to;
}

void ep_space_to_batch_x8(const ep_space_to_batch_x8_params *p, const void *in, void *out)
{
    uint8_t *to = out;
    for (int32_t row = 0; row < p->block_h; row++) {
        for (int32_t column = 0; column < p->block_w; column++) {
            for (int32_t b = 0; b < p->batches; b++) {
                const uint8_t *from = (const uint8_t *)in + b * p->in_h * p->in_w * p->pixel_bytes;
                to = image(p, from, row, column, to);
            }
        }
    }
}
