#include "ep_extremum_s64.h"

EP_BINARY_KERNEL(ep_extremum_s64, int64_t, int64_t, int64_t, (p->is_maximum ? x > y : x < y) ? x : y)
