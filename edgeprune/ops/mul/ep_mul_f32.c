#include "ep_mul_f32.h"

#include "ep_f32.h"

EP_BINARY_KERNEL(ep_mul_f32, float, float, float, ep_clamp_f32(x * y, p->act_min, p->act_max))
