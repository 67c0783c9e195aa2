/* What the int8 kernels that add up many inputs share. */
#ifndef EP_WIDENED_H
#define EP_WIDENED_H

#include "ep_math.h"

/* An input less its zero point, with 20 more bits and half its scale. */
static inline int32_t ep_widened(int32_t value, int32_t zero_point)
{
    return ep_multiply((value - zero_point) * (1 << 20), 1 << 30, 0);
}

#endif
