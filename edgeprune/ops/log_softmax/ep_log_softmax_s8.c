#include "ep_log_softmax_s8.h"

#include "ep_gemmlowp.h"

/* The integer bits of the sum, of the logarithm, and of its parts before they are added up. */
#define SUM_BITS 12
#define LOG_BITS 5
#define PART_BITS 6

#define LOG_2 1488522236
#define SQRT_HALF 1518500250
#define FOURTH_ROOT_HALF 1805811301

/* log(x) in Q5 of x in Q12, 1 or more; gemmlowp.py explains it. */
static int32_t log_of_one_or_more(int32_t x)
{
    const int32_t quarter = 1 << (29 - PART_BITS);
    const int32_t zeros_above = ep_leading_zeros(x);
    const int32_t half = ep_high_mul(ep_shift_left_saturate(x, zeros_above - 1), SQRT_HALF);
    const int32_t m_above = ep_shift_left_saturate(half, 1);
    const int32_t k_above = (SUM_BITS - zeros_above) * (1 << (31 - PART_BITS)) + quarter;
    const int32_t zeros_below = ep_leading_zeros(ep_high_mul(x, SQRT_HALF)) - 1;
    const int32_t m_below = ep_shift_left_saturate(x, zeros_below);
    const int32_t k_below = (SUM_BITS - zeros_below) * (1 << (31 - PART_BITS)) - quarter;
    const int32_t m = ep_min(m_above, m_below);
    const int32_t k = ep_max(k_above, k_below);
    const int32_t p = (int32_t)(((int64_t)m + FOURTH_ROOT_HALF + 1) / 2);
    const int32_t q = 2 * (m - FOURTH_ROOT_HALF);
    const int32_t square = ep_high_mul(q, q);
    const int32_t numerator = ep_high_mul(q, m) + ep_high_mul(ep_high_mul(q, square), 117049297);
    const int32_t denominator =
        ep_high_mul(p, 1057819769 + q + ep_high_mul(127690142, square)) + ep_high_mul(638450708, q);
    const int32_t quotient =
        ep_high_mul(ep_shift_right_round(numerator, PART_BITS), ep_one_over_one_plus(denominator));
    return ep_shift_left_saturate(ep_high_mul(k, LOG_2) + quotient, PART_BITS - LOG_BITS);
}

static void log_softmax_row(const ep_log_softmax_s8_params *p, const int8_t *in, int8_t *out)
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
    const int32_t log_sum = log_of_one_or_more(sum);
    const int32_t reach = -ep_multiply(log_sum + INT32_MIN, p->back_multiplier, p->back_shift);
    const int32_t limit = ep_min(p->exp_count, reach);
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t distance = largest - in[i];
        int32_t result = INT8_MIN;
        if (distance < limit) {
            const int32_t scaled = ep_multiply(-distance, p->multiplier, p->shift) - log_sum;
            result = ep_clamp(ep_shift_right_round(scaled, 31 - LOG_BITS - 4) + 127, INT8_MIN, INT8_MAX);
        }
        out[i] = (int8_t)result;
    }
}

void ep_log_softmax_s8(const ep_log_softmax_s8_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        log_softmax_row(p, in + row * p->depth, out + row * p->depth);
    }
}
