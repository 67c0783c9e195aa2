#include "ep_select_x32.h"

void ep_select_x32(const ep_select_x32_params *p, const uint8_t *condition, const void *a, const void *b, void *out)
{
    uint32_t *to = out;
    int32_t at[EP_LOOPS] = {0};
    do {
        const uint8_t *from = condition + ep_loop_offset(at, p->strides_condition);
        const uint32_t *from_a = (const uint32_t *)a + ep_loop_offset(at, p->strides_a);
        const uint32_t *from_b = (const uint32_t *)b + ep_loop_offset(at, p->strides_b);
        for (int32_t i = 0; i < p->count; i++) {
            *to++ = from[i * p->step_condition] ? from_a[i * p->step_a] : from_b[i * p->step_b];
        }
    } while (ep_loop_next(at, p->extents));
}
