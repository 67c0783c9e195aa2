#include "ep_ceil_f32.h"

#include "ep_float_math.h"

EP_UNARY_KERNEL(ep_ceil_f32, float, float, ep_round_floor(x, 1))
