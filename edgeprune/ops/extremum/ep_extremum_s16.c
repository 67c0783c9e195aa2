#include "ep_extremum_s16.h"

EP_BINARY_KERNEL(ep_extremum_s16, int16_t, int16_t, int16_t, (p->is_maximum ? x > y : x < y) ? x : y)
