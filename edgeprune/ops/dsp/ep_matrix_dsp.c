#include "ep_matrix_dsp.h"

#include <stddef.h>

enum { BLOCK = 4 };

static const int32_t *dot_two(const ep_matrix *m, const int32_t *stream, const int16_t *x, int8_t *out0,
                              int8_t *out1, int32_t blocks)
{
    if (m->is_relu) {
        return ep_dot_two_relu_dsp(stream, x, out0, out1, blocks, m->pairs);
    }
    return ep_dot_two_dsp(stream, x, out0, out1, blocks, m->pairs);
}

static const int32_t *dot_one(const ep_matrix *m, const int32_t *stream, const int16_t *x, int8_t *out,
                              int32_t blocks)
{
    if (m->is_relu) {
        return ep_dot_one_relu_dsp(stream, x, out, blocks, m->pairs);
    }
    return ep_dot_one_dsp(stream, x, out, blocks, m->pairs);
}

/* Brings what was computed to its places among outputs that are constant. */
static void scatter(const ep_matrix *m, const int8_t *results, int8_t *out)
{
    int32_t at = 0;
    for (; at + 4 <= m->channels; at += 4) {
        __builtin_memcpy(out + at, m->outputs + at, 4);
    }
    for (; at < m->channels; at++) {
        out[at] = m->outputs[at];
    }
    for (int32_t i = 0; i < m->computed; i++) {
        out[m->places[i]] = results[i];
    }
}

void ep_matrix_two_dsp(const ep_matrix *m, const int16_t *x, int8_t *out, int8_t *results)
{
    const int32_t blocks = m->computed / BLOCK;
    const int32_t rest = m->computed % BLOCK;
    const int32_t *stream = m->stream;
    int8_t *second = out + m->channels;
    if (m->places != NULL) {
        int8_t *others = results + (blocks + 1) * BLOCK;
        (void)dot_two(m, stream, x, results, others, blocks + (rest > 0));
        scatter(m, results, out);
        scatter(m, others, second);
        return;
    }
    if (blocks > 0) {
        stream = dot_two(m, stream, x, out, second, blocks);
    }
    if (rest > 0) {
        int8_t ends[2 * BLOCK];
        (void)dot_two(m, stream, x, ends, ends + BLOCK, 1);
        for (int32_t i = 0; i < rest; i++) {
            out[blocks * BLOCK + i] = ends[i];
            second[blocks * BLOCK + i] = ends[BLOCK + i];
        }
    }
}

void ep_matrix_one_dsp(const ep_matrix *m, const int16_t *x, int8_t *out, int8_t *results)
{
    const int32_t blocks = m->computed / BLOCK;
    const int32_t rest = m->computed % BLOCK;
    const int32_t *stream = m->stream;
    if (m->places != NULL) {
        (void)dot_one(m, stream, x, results, blocks + (rest > 0));
        scatter(m, results, out);
        return;
    }
    if (blocks > 0) {
        stream = dot_one(m, stream, x, out, blocks);
    }
    if (rest > 0) {
        int8_t ends[BLOCK];
        (void)dot_one(m, stream, x, ends, 1);
        for (int32_t i = 0; i < rest; i++) {
            out[blocks * BLOCK + i] = ends[i];
        }
    }
}
