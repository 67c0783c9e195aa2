#include "ep_neg_f32.h"

EP_UNARY_KERNEL(ep_neg_f32, float, float, -x)
