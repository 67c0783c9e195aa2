#include "ep_pad_s32.h"

void ep_pad_s32(const ep_pad_s32_params *p, const int32_t *in, int32_t *out)
{
    for (int32_t i = 0; i < p->out_count; i++) {
        out[i] = p->fill;
    }
    int32_t at[EP_LOOPS] = {0};
    do {
        int32_t *row = out + p->start + ep_loop_offset(at, p->strides);
        for (int32_t i = 0; i < p->count; i++) {
            row[i * p->step] = *in++;
        }
    } while (ep_loop_next(at, p->extents));
}
