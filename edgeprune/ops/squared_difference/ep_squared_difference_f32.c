#include "ep_squared_difference_f32.h"

EP_BINARY_KERNEL(ep_squared_difference_f32, float, float, float, (x - y) * (x - y))
