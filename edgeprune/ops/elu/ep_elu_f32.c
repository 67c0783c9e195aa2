#include "ep_elu_f32.h"

#include "ep_float_math.h"

EP_UNARY_KERNEL(ep_elu_f32, float, float, x < 0.0f ? ep_expm1f(x) : x)
