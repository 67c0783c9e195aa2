#include "ep_dense_s8_dsp.h"

#include "ep_clamp_dsp.h"
#include "ep_direct_dsp.h"

enum { BLOCK = 4, BLOCK_ENDS = 12 };

static const int32_t *multiply(const ep_dense_s8_dsp_params *p, const int32_t *stream, const int8_t *in,
                               int8_t *out, int32_t blocks, const int32_t *ends)
{
    if (p->is_relu) {
        return ep_direct_relu_dsp(stream, in, out, blocks, p->depth, ends, p->ends_back);
    }
    return ep_direct_dsp(stream, in, out, blocks, p->depth, ends, p->ends_back);
}

void ep_dense_s8_dsp(const ep_dense_s8_dsp_params *p, const int8_t *in, int8_t *out)
{
    const int32_t blocks = p->channels / BLOCK;
    const int32_t rest = p->channels % BLOCK;
    const int32_t *last_ends = p->ends_back ? p->ends : p->ends + blocks * BLOCK_ENDS;
    int8_t *to = out;
    for (int32_t row = 0; row < p->rows; row++) {
        const int32_t *stream = p->stream;
        if (blocks > 0) {
            stream = multiply(p, stream, in, to, blocks, p->ends);
        }
        if (rest > 0) {
            int8_t results[BLOCK];
            (void)multiply(p, stream, in, results, 1, last_ends);
            for (int32_t i = 0; i < rest; i++) {
                to[blocks * BLOCK + i] = results[i];
            }
        }
        in += p->depth;
        to += p->channels;
    }
    ep_clamp_dsp(out, p->rows * p->channels, p->act_min, p->act_max);
}
