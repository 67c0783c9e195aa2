#include "ep_pad_s16.h"

void ep_pad_s16(const ep_pad_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->out_count; i++) {
        out[i] = p->fill;
    }
    int32_t at[EP_LOOPS] = {0};
    do {
        int16_t *row = out + p->start + ep_loop_offset(at, p->strides);
        for (int32_t i = 0; i < p->count; i++) {
            row[i * p->step] = *in++;
        }
    } while (ep_loop_next(at, p->extents));
}
