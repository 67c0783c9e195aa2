#include "ep_rsqrt_f32.h"

#include "ep_float_math.h"

EP_UNARY_KERNEL(ep_rsqrt_f32, float, float, 1.0f / ep_sqrtf(x))
