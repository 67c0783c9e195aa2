#include "ep_leaky_relu_f32.h"

EP_UNARY_KERNEL(ep_leaky_relu_f32, float, float, x > 0.0f ? x : x * p->alpha)
