#include "ep_compare_f32.h"

EP_BINARY_KERNEL(ep_compare_f32, float, float, uint8_t, EP_HOLDS(p->relation, x, y))
