#include "ep_softmax_s8.h"

/* A number in Qm has m integer bits: it is in units of 2^(m-31). */
#define SUM_BITS 12
#define ONE_Q0 INT32_MAX
#define ONE_Q2 (1 << 29)
#define TWO_Q2 (1 << 30)
#define CONST_48_OVER_17_Q2 1515870810
#define CONST_32_OVER_17_Q2 1010580540

/* 1 / (1 + a), all in Q0, 0 <= a: Newton's division, three steps. */
static int32_t one_over_one_plus(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + ONE_Q0 + 1) >> 1);
    int32_t x = CONST_48_OVER_17_Q2 + ep_high_mul(half_denominator, -CONST_32_OVER_17_Q2);
    for (int32_t i = 0; i < 3; i++) {
        const int32_t error = ONE_Q2 - ep_high_mul(half_denominator, x);
        x += ep_high_mul(x, error) * 4;
    }
    return x >= TWO_Q2 ? ONE_Q0 : x * 2; /* x is 2 / (1 + a) in Q2, 1 / (1 + a) in Q1 */
}

static int32_t leading_zeros(int32_t x)
{
    int32_t count = 0;
    for (uint32_t rest = (uint32_t)x; rest < UINT32_C(1) << 31; rest <<= 1) {
        count++;
    }
    return count;
}

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
    const int32_t zeros = leading_zeros(sum);
    const int32_t scale = one_over_one_plus((int32_t)(((uint32_t)sum << zeros) - (UINT32_C(1) << 31)));
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
