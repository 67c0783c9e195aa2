#include "ep_resize_bilinear_f32.h"

/* One row of the output between two of the input; `down` is the weight of the second. */
static float *between(const ep_resize_bilinear_f32_params *p, const float *top, const float *bottom, float down,
                      float *out)
{
    const float up = 1.0f - down;
    for (int32_t x = 0; x < p->out_w; x++) {
        const int32_t left = p->lower_columns[x] * p->channels;
        const int32_t right = p->upper_columns[x] * p->channels;
        const float after = p->columns_weight[x];
        const float before = 1.0f - after;
        for (int32_t c = 0; c < p->channels; c++) {
            float sum = top[left + c] * up * before;
            sum += bottom[left + c] * down * before;
            sum += top[right + c] * up * after;
            sum += bottom[right + c] * down * after;
            *out++ = sum + 0.0f; /* -0 becomes 0 */
        }
    }
    return out;
}

void ep_resize_bilinear_f32(const ep_resize_bilinear_f32_params *p, const float *in, float *out)
{
    const int32_t row = p->in_w * p->channels;
    for (int32_t b = 0; b < p->batches; b++) {
        for (int32_t y = 0; y < p->out_h; y++) {
            const float *top = in + p->lower_rows[y] * row;
            const float *bottom = in + p->upper_rows[y] * row;
            out = between(p, top, bottom, p->rows_weight[y], out);
        }
        in += p->in_h * row;
    }
}
