#include "ep_square_f32.h"

EP_UNARY_KERNEL(ep_square_f32, float, float, x * x)
