#include "ep_softmax_s16.h"

/* A table of 513 places, with straight lines between; at is clamped to an int16. */
static int32_t look_up(const int16_t *table, int32_t at)
{
    const int32_t inside = ep_clamp(at, INT16_MIN, INT16_MAX);
    const int16_t *place = table + 256 + (inside >> 7);
    return place[0] + (((place[1] - place[0]) * (inside & 127) + 64) >> 7);
}

static int32_t bit_length(uint32_t x)
{
    int32_t bits = 0;
    for (; x != 0; x >>= 1) {
        bits++;
    }
    return bits;
}

static void softmax_row(const ep_softmax_s16_params *p, const int16_t *in, int16_t *out)
{
    int32_t largest = INT16_MIN;
    for (int32_t i = 0; i < p->depth; i++) {
        largest = ep_max(largest, in[i]);
    }
    int32_t sum = 0;
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t at = ep_multiply(in[i] - largest, p->multiplier, p->shift) + INT16_MAX;
        const int32_t exp = look_up(p->exps, at);
        out[i] = (int16_t)exp;
        sum += exp;
    }
    /* The sum is 2^shift * (1 + fraction). */
    const int32_t shift = bit_length((uint32_t)sum) - 1;
    const int32_t fraction = (int32_t)((((int64_t)sum << (30 - shift)) + (1 << 13)) >> 14) - (1 << 16);
    const int32_t reciprocal = look_up(p->reciprocals, fraction - (1 << 15));
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t share = (out[i] * reciprocal + (1 << (shift - 1))) >> shift;
        out[i] = (int16_t)ep_clamp(share, 0, INT16_MAX);
    }
}

void ep_softmax_s16(const ep_softmax_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, in + row * p->depth, out + row * p->depth);
    }
}
