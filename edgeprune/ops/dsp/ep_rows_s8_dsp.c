#include "ep_rows_s8_dsp.h"

#include "ep_clamp_dsp.h"

void ep_rows_s8_dsp(const ep_rows_s8_dsp_params *p, const int8_t *in, int8_t *out, void *scratch)
{
    const ep_matrix *m = &p->matrix;
    const int32_t words = p->depth / 4;
    int8_t *results = (int8_t *)scratch + (p->rows > 1 ? 8 : 4) * m->pairs;
    int8_t *to = out;
    int32_t row = 0;
    for (; row + 2 <= p->rows; row += 2) {
        int16_t *x = ep_widen_two_dsp(scratch, in, in + p->depth, words, 1, 0, 0);
        for (int32_t i = 4 * words; i < p->depth; i++) {
            x[0] = in[i];
            x[2] = in[p->depth + i];
            x += i % 2 ? 3 : 1;
        }
        ep_matrix_two_dsp(m, scratch, to, results);
        in += 2 * p->depth;
        to += 2 * m->channels;
    }
    if (row < p->rows) {
        int16_t *x = ep_widen_one_dsp(scratch, in, words);
        for (int32_t i = 4 * words; i < p->depth; i++) {
            *x++ = in[i];
        }
        ep_matrix_one_dsp(m, scratch, to, results);
    }
    ep_clamp_dsp(out, p->rows * m->channels, m->act_min, m->act_max);
}
