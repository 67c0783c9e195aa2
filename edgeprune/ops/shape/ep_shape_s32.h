#ifndef EP_SHAPE_S32_H
#define EP_SHAPE_S32_H

#include <stdint.h>

typedef struct {
    int32_t count;
    const int32_t *extents;
} ep_shape_s32_params;

/* Writes the extents. */
void ep_shape_s32(const ep_shape_s32_params *p, int32_t *out);

#endif
