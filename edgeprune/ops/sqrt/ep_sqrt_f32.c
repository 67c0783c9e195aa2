#include "ep_sqrt_f32.h"

#include "ep_float_math.h"

EP_UNARY_KERNEL(ep_sqrt_f32, float, float, ep_sqrtf(x))
