#include "ep_resize_nearest_neighbor_x8.h"

void ep_resize_nearest_neighbor_x8(const ep_resize_nearest_neighbor_x8_params *p, const void *in, void *out)
{
    const uint8_t *image = in;
    uint8_t *to = out;
    for (int32_t b = 0; b < p->batches; b++) {
        for (int32_t y = 0; y < p->out_h; y++) {
            const uint8_t *row = image + p->rows[y] * p->in_w * p->pixel_bytes;
            for (int32_t x = 0; x < p->out_w; x++) {
                const uint8_t *pixel = row + p->columns[x] * p->pixel_bytes;
                for (int32_t i = 0; i < p->pixel_bytes; i++) {
                    *to++ = pixel[i];
                }
            }
        }
        image += p->in_h * p->in_w * p->pixel_bytes;
    }
}
