#include "ep_abs_f32.h"

#include "ep_float_math.h"

EP_UNARY_KERNEL(ep_abs_f32, float, float, ep_bits_float(ep_float_bits(x) & UINT32_C(0x7fffffff)))
