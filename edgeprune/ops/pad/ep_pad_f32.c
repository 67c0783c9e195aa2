#include "ep_pad_f32.h"

void ep_pad_f32(const ep_pad_f32_params *p, const float *in, float *out)
{
    for (int32_t i = 0; i < p->out_count; i++) {
        out[i] = p->fill;
    }
    int32_t at[EP_LOOPS] = {0};
    do {
        float *row = out + p->start + ep_loop_offset(at, p->strides);
        for (int32_t i = 0; i < p->count; i++) {
            row[i * p->step] = *in++;
        }
    } while (ep_loop_next(at, p->extents));
}
