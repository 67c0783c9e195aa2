#include "ep_logical_not_x8.h"

EP_UNARY_KERNEL(ep_logical_not_x8, uint8_t, uint8_t, x == 0)
