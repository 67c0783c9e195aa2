#include "ep_shape_s32.h"

void ep_shape_s32(const ep_shape_s32_params *p, int32_t *out)
{
    for (int32_t i = 0; i < p->count; i++) {
        out[i] = p->extents[i];
    }
}
