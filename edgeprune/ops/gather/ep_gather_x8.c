#include "ep_gather_x8.h"

void ep_gather_x8(const ep_gather_x8_params *p, const void *in, void *out)
{
    const uint8_t *from = in;
    uint8_t *to = out;
    int32_t at[EP_LOOPS] = {0};
    do {
        const int32_t row = p->start + ep_loop_offset(at, p->strides);
        for (int32_t i = 0; i < p->count; i++) {
            *to++ = from[row + i * p->step];
        }
    } while (ep_loop_next(at, p->extents));
}
