#include "ep_select_x16.h"

void ep_select_x16(const ep_select_x16_params *p, const uint8_t *condition, const void *a, const void *b, void *out)
{
    uint16_t *to = out;
    int32_t at[EP_LOOPS] = {0};
    do {
        const uint8_t *from = condition + ep_loop_offset(at, p->strides_condition);
        const uint16_t *from_a = (const uint16_t *)a + ep_loop_offset(at, p->strides_a);
        const uint16_t *from_b = (const uint16_t *)b + ep_loop_offset(at, p->strides_b);
        for (int32_t i = 0; i < p->count; i++) {
            *to++ = from[i * p->step_condition] ? from_a[i * p->step_a] : from_b[i * p->step_b];
        }
    } while (ep_loop_next(at, p->extents));
}
