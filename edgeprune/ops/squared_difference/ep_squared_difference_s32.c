#include "ep_squared_difference_s32.h"

static int32_t square(uint32_t difference)
{
    return (int32_t)(difference * difference);
}

EP_BINARY_KERNEL(ep_squared_difference_s32, int32_t, int32_t, int32_t, square((uint32_t)x - (uint32_t)y))
