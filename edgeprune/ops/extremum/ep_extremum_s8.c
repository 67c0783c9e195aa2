#include "ep_extremum_s8.h"

EP_BINARY_KERNEL(ep_extremum_s8, int8_t, int8_t, int8_t, (p->is_maximum ? x > y : x < y) ? x : y)
