#ifndef EP_SOFTMAX_S16_H
#define EP_SOFTMAX_S16_H

#include "ep_math.h"

typedef struct {
    int32_t rows;
    int32_t depth;      /* elements of a row, 1 to 65535 */
    int32_t multiplier; /* from distances to units of 10/65535 */
    int32_t shift;
    const int16_t *exps;        /* exp(x) for x from -10 to 0 in 512 steps, in units of 2^-15 */
    const int16_t *reciprocals; /* 1 / (1 + x) for x from 0 to 1 */
} ep_softmax_s16_params;

/* Softmax of each row; the output's scale is 2^-15. */
void ep_softmax_s16(const ep_softmax_s16_params *p, const int16_t *in, int16_t *out);

#endif
