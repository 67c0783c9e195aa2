#include "ep_compare_s32.h"

EP_BINARY_KERNEL(ep_compare_s32, int32_t, int32_t, uint8_t, EP_HOLDS(p->relation, x, y))
