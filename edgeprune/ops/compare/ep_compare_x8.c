#include "ep_compare_x8.h"

EP_BINARY_KERNEL(ep_compare_x8, uint8_t, uint8_t, uint8_t, EP_HOLDS(p->relation, x, y))
