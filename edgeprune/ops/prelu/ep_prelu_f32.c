#include "ep_prelu_f32.h"

EP_BINARY_KERNEL(ep_prelu_f32, float, float, float, x >= 0.0f ? x : x * y)
