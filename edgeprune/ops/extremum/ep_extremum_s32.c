#include "ep_extremum_s32.h"

EP_BINARY_KERNEL(ep_extremum_s32, int32_t, int32_t, int32_t, (p->is_maximum ? x > y : x < y) ? x : y)
