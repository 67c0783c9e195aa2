#include "ep_cast_x32.h"

static int32_t whole(float x, int32_t to)
{
    const int32_t high = to == EP_CAST_S8 ? INT8_MAX : to == EP_CAST_S16 ? INT16_MAX : INT32_MAX;
    if (x != x) {
        return 0;
    }
    if (x >= (float)high) { /* 2^31 for int32, which has no nearer float */
        return high;
    }
    return x > (float)(-high - 1) ? (int32_t)x : -high - 1;
}

static int32_t loaded(const ep_cast_x32_params *p, const void *in, int32_t i)
{
    switch (p->from) {
    case EP_CAST_U8:
        return ((const uint8_t *)in)[i];
    case EP_CAST_S8:
        return ((const int8_t *)in)[i];
    case EP_CAST_S16:
        return ((const int16_t *)in)[i];
    case EP_CAST_S32:
        return ((const int32_t *)in)[i];
    default:
        return whole(((const float *)in)[i], p->to);
    }
}

void ep_cast_x32(const ep_cast_x32_params *p, const void *in, void *out)
{
    for (int32_t i = 0; i < p->count; i++) {
        if (p->to == EP_CAST_F32 && p->from == EP_CAST_F32) {
            ((float *)out)[i] = ((const float *)in)[i];
            continue;
        }
        const int32_t value = loaded(p, in, i);
        if (p->to == EP_CAST_F32) {
            ((float *)out)[i] = (float)value;
        } else if (p->to == EP_CAST_S32) {
            ((int32_t *)out)[i] = value;
        } else if (p->to == EP_CAST_S16) {
            ((int16_t *)out)[i] = (int16_t)(uint16_t)value;
        } else {
            ((int8_t *)out)[i] = (int8_t)(uint8_t)value;
        }
    }
}
