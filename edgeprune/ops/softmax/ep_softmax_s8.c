#include "ep_softmax_s8.h"

#include "ep_gemmlowp.h"

/* The sum's integer bits. */
#define SUM_BITS 12

static void softmax_row(const ep_softmax_s8_params *p, const int8_t *in, int8_t *out)
{
    int32_t largest = INT8_MIN;
    for (int32_t i = 0; i < p->depth; i++) {
        largest = ep_max(largest, in[i]);
    }
    int32_t sum = 0;
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t distance = largest - in[i];
        sum += distance < p->exp_count ? ep_shift_right_round(p->exps[distance], SUM_BITS) : 0;
    }
    const int32_t zeros = ep_leading_zeros(sum);
    const int32_t scale =
        ep_one_over_one_plus((int32_t)(((uint32_t)sum << zeros) - (UINT32_C(1) << 31)));
    const int32_t exponent = SUM_BITS - zeros + 31 - 8;
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t distance = largest - in[i];
        int32_t share = 0;
        if (distance < p->exp_count && exponent <= 31) {
            share = ep_shift_right_round(ep_high_mul(scale, p->exps[distance]), exponent);
        }
        out[i] = (int8_t)ep_min(share - 128, 127);
    }
}

void ep_softmax_s8(const ep_softmax_s8_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, in + row * p->depth, out + row * p->depth);
    }
}
