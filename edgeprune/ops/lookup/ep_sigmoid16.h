/* What LOGISTIC and TANH in int16 share: sigmoid16.py in C. */
#ifndef EP_SIGMOID16_H
#define EP_SIGMOID16_H

#include <stdint.h>

typedef struct {
    int32_t count;
    int32_t multiplier;
    int32_t shift;
    const uint16_t *table; /* 256 values of the sigmoid */
} ep_sigmoid16_params;

/* The table's argument. */
static inline int32_t ep_sigmoid16_argument(const ep_sigmoid16_params *p, int32_t x)
{
    const int32_t half = p->shift > 0 ? INT32_C(1) << (p->shift - 1) : 0;
    return (x * p->multiplier + half) >> p->shift;
}

/* The table at magnitude / 2^bits, times 2^bits; magnitude < 255 * 2^bits. */
static inline int32_t ep_sigmoid16_between(const ep_sigmoid16_params *p, int32_t magnitude, int32_t bits)
{
    const uint16_t *at = p->table + (magnitude >> bits);
    const int32_t rest = magnitude & ((1 << bits) - 1);
    return at[0] * (1 << bits) + rest * (at[1] - at[0]);
}

#endif
