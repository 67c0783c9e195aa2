#include "ep_cumsum_f32.h"

static void line(const ep_cumsum_f32_params *p, const float *in, float *out)
{
    float sum = 0.0f;
    for (int32_t i = 0; i < p->extent; i++) {
        const int32_t at = (p->reverse ? p->extent - 1 - i : i) * p->after;
        const float next = sum + in[at];
        const float result = p->exclusive ? sum : next;
        out[at] = result;
        sum = next;
    }
}

void ep_cumsum_f32(const ep_cumsum_f32_params *p, const float *in, float *out)
{
    for (int32_t b = 0; b < p->before; b++) {
        const int32_t first = b * p->extent * p->after;
        for (int32_t a = 0; a < p->after; a++) {
            line(p, in + first + a, out + first + a);
        }
    }
}
