#include "ep_relu6_f32.h"

#include "ep_f32.h"

EP_UNARY_KERNEL(ep_relu6_f32, float, float, ep_clamp_f32(x, 0.0f, 6.0f))
