#include "ep_compare_s64.h"

EP_BINARY_KERNEL(ep_compare_s64, int64_t, int64_t, uint8_t, EP_HOLDS(p->relation, x, y))
