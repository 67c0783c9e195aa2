#include "ep_fully_connected_m0.h"

#include "ep_math.h"

enum { STEP_BYTES = 52, STEP_WEIGHTS = 8 };

static int32_t row_sum(const int8_t *in, int32_t depth)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < depth; i++) {
        sum += in[i];
    }
    return sum;
}

void ep_fully_connected_m0(const ep_fully_connected_m0_params *p, const int8_t *in, int8_t *out,
                           void (*dot8)(const ep_dot8_m0_row *row))
{
    const int32_t skipped = -p->depth & 3;
    ep_dot8_m0_row row;
    row.code_skip = skipped * STEP_BYTES;
    row.weight_skip = skipped * STEP_WEIGHTS;
    for (int32_t r = 0; r < p->rows; r++) {
        row.in_end = in + p->depth;
        row.minus_depth = -p->depth;
        row.weights = p->weights;
        row.channels = (const ep_m0_channel *)(const void *)p->channels;
        row.out = out;
        row.out_channels = p->out_channels;
        row.row_term = p->row_factor * row_sum(in, p->depth);
        row.piece_bits = p->piece_bits;
        dot8(&row);
        if (p->act_min > INT8_MIN || p->act_max < INT8_MAX) {
            for (int32_t c = 0; c < p->out_channels; c++) {
                out[c] = (int8_t)ep_clamp(out[c], p->act_min, p->act_max);
            }
        }
        in += p->depth;
        out += p->out_channels;
    }
}
