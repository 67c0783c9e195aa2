#include "ep_logical_x8.h"

EP_BINARY_KERNEL(ep_logical_x8, uint8_t, uint8_t, uint8_t, p->is_or ? (x | y) : (x & y))
