#include "ep_mul_s16.h"

EP_BINARY_KERNEL(ep_mul_s16, int16_t, int16_t, int16_t,
                 ep_clamp(ep_multiply(x * y, p->multiplier, p->shift), p->act_min, p->act_max))
