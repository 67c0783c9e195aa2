#ifndef EP_NEAREST_F32_H
#define EP_NEAREST_F32_H

#include <stdint.h>

/* The nearest integer, halves away from zero, between -far and far; NaN becomes 0. Far values are
 * clamped first, as their conversion is not defined; far < 2^23. */
static inline int32_t ep_nearest_f32(float steps, float far)
{
    float near = 0.0f; /* NaN compares false with everything */
    if (steps >= -far && steps <= far) {
        near = steps;
    } else if (steps > far) {
        near = far;
    } else if (steps < -far) {
        near = -far;
    }
    const int32_t whole = (int32_t)near;
    const float rest = near - (float)whole; /* exact */
    if (rest >= 0.5f) {
        return whole + 1;
    }
    return rest <= -0.5f ? whole - 1 : whole;
}

#endif
