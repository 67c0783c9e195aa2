#ifndef EP_SOFTMAX_S8_H
#define EP_SOFTMAX_S8_H

#include "ep_math.h"

typedef struct {
    int32_t rows;
    int32_t depth;       /* elements of a row, 1 to 4095 */
    int32_t exp_count;   /* 1 to 256 */
    const int32_t *exps; /* exp of minus the distance from the row's largest input, in Q0 */
} ep_softmax_s8_params;

/* Softmax of each row; the output's scale is 1/256 and its zero point -128. */
void ep_softmax_s8(const ep_softmax_s8_params *p, const int8_t *in, int8_t *out);

#endif
