#include "ep_mul_s32.h"

EP_BINARY_KERNEL(ep_mul_s32, int32_t, int32_t, int32_t,
                 ep_clamp((int32_t)((uint32_t)x * (uint32_t)y), p->act_min, p->act_max))
