#include "ep_pad_s8.h"

void ep_pad_s8(const ep_pad_s8_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t i = 0; i < p->out_count; i++) {
        out[i] = p->fill;
    }
    int32_t at[EP_LOOPS] = {0};
    do {
        int8_t *row = out + p->start + ep_loop_offset(at, p->strides);
        for (int32_t i = 0; i < p->count; i++) {
            row[i * p->step] = *in++;
        }
    } while (ep_loop_next(at, p->extents));
}
