/* Dense layers and convolutions of 1 x 1, pixels being rows, for cores with the DSP extension. */
#ifndef EP_ROWS_S8_DSP_H
#define EP_ROWS_S8_DSP_H

#include "ep_matrix_dsp.h"

typedef struct {
    int32_t rows;
    int32_t depth;
    ep_matrix matrix;
} ep_rows_s8_dsp_params;

/* in: (rows, depth), out: (rows, channels); scratch, aligned to words: 4 * pairs bytes for each of two
 * rows, or for the only one, then the matrix's results */
void ep_rows_s8_dsp(const ep_rows_s8_dsp_params *p, const int8_t *in, int8_t *out, void *scratch);

#endif
