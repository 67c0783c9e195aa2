#include "ep_extremum_f32.h"

EP_BINARY_KERNEL(ep_extremum_f32, float, float, float, (p->is_maximum ? x > y : x < y) ? x : y)
