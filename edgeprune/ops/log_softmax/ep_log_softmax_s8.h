#ifndef EP_LOG_SOFTMAX_S8_H
#define EP_LOG_SOFTMAX_S8_H

#include "ep_math.h"

typedef struct {
    int32_t rows;
    int32_t depth;       /* elements of a row, 1 to 4095 */
    int32_t exp_count;   /* 1 to 256 */
    const int32_t *exps; /* exp of minus the distance from the row's largest input, in Q0 */
    int32_t multiplier;  /* of distances, to Q5 */
    int32_t shift;
    int32_t back_multiplier; /* of logarithms in Q5, to distances */
    int32_t back_shift;
} ep_log_softmax_s8_params;

/* The logarithm of the softmax of each row; the output's scale is 1/16 and its zero point 127. */
void ep_log_softmax_s8(const ep_log_softmax_s8_params *p, const int8_t *in, int8_t *out);

#endif
