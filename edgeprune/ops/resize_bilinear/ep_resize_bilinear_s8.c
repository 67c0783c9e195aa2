#include "ep_resize_bilinear_s8.h"

#define ONE 1024

/* One row of the output between two of the input; `down` is the weight of the second. */
static int8_t *between(const ep_resize_bilinear_s8_params *p, const int8_t *top, const int8_t *bottom,
                       int32_t down, int8_t *out)
{
    for (int32_t x = 0; x < p->out_w; x++) {
        const int32_t left = p->lower_columns[x] * p->channels;
        const int32_t right = p->upper_columns[x] * p->channels;
        const int32_t across = p->columns_weight[x];
        const int32_t top_left = (ONE - down) * (ONE - across);
        const int32_t bottom_left = down * (ONE - across);
        const int32_t top_right = (ONE - down) * across;
        const int32_t bottom_right = down * across;
        for (int32_t c = 0; c < p->channels; c++) {
            const int32_t sum = top[left + c] * top_left + bottom[left + c] * bottom_left +
                                top[right + c] * top_right + bottom[right + c] * bottom_right;
            const int32_t half = sum > 0 ? ONE * ONE / 2 : -(ONE * ONE / 2);
            *out++ = (int8_t)((sum + half) / (ONE * ONE));
        }
    }
    return out;
}

void ep_resize_bilinear_s8(const ep_resize_bilinear_s8_params *p, const int8_t *in, int8_t *out)
{
    const int32_t row = p->in_w * p->channels;
    for (int32_t b = 0; b < p->batches; b++) {
        for (int32_t y = 0; y < p->out_h; y++) {
            const int8_t *top = in + p->lower_rows[y] * row;
            const int8_t *bottom = in + p->upper_rows[y] * row;
            out = between(p, top, bottom, p->rows_weight[y], out);
        }
        in += p->in_h * row;
    }
}
