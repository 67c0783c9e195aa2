#ifndef EP_CAST_X32_H
#define EP_CAST_X32_H

#include <stdint.h>

/* Element types; cast/op.py has the same numbers. */
#define EP_CAST_U8 0
#define EP_CAST_S8 1
#define EP_CAST_S16 2
#define EP_CAST_S32 3
#define EP_CAST_F32 4

typedef struct {
    int32_t count;
    int32_t from;
    int32_t to; /* not EP_CAST_U8 */
} ep_cast_x32_params;

/* Each element in another type. Integers lose their high bits; floats are cut toward zero and held
 * within the other type's range, NaN becomes 0. */
void ep_cast_x32(const ep_cast_x32_params *p, const void *in, void *out);

#endif
