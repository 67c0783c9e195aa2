#include "ep_depthwise_conv2d_s8_dot.h"

enum { ROWS = 3, COLUMNS = 3, VECTORS = 4, LANES = 16, TILE_BYTES = (COLUMNS + 3) * VECTORS * LANES };

/* One column of three rows: for each of 16 channels the three inputs, and one of no matter. */
typedef struct {
    int8x16_t of[VECTORS];
} column;

typedef struct {
    uint8x16_t order[VECTORS]; /* which byte of three rows becomes which of a column */
    int8x16_t weights[COLUMNS][VECTORS];
} constants;

EP_INLINE column column_at(const int8_t *const rows[ROWS], int64_t at, const constants *k)
{
    const int8x16x3_t three = {{vld1q_s8(rows[0] + at), vld1q_s8(rows[1] + at), vld1q_s8(rows[2] + at)}};
    column c;
    EP_UNROLL for (int i = 0; i < VECTORS; i++) {
        c.of[i] = vqtbl3q_s8(three, k->order[i]);
    }
    return c;
}

/* One pixel, whose columns are a, b and c. */
EP_INLINE int8x16_t pixel(column a, column b, column c, const constants *k, const ep_depthwise_job_neon *job,
                          const int rounding)
{
    const int32_t *at = (const int32_t *)(const void *)(job->stream + COLUMNS * VECTORS * LANES);
    int32x4_t scaled[VECTORS];
    EP_UNROLL for (int i = 0; i < VECTORS; i++) {
        int32x4_t sum = vdotq_s32(vld1q_s32(at + 4 * i), a.of[i], k->weights[0][i]);
        sum = vdotq_s32(sum, b.of[i], k->weights[1][i]);
        sum = vdotq_s32(sum, c.of[i], k->weights[2][i]);
        scaled[i] = ep_scale_neon(sum, vld1q_s32(at + 16 + 4 * i), vld1q_s32(at + 32 + 4 * i), rounding);
    }
    return ep_narrow16_neon(scaled, &job->p->output, rounding);
}

EP_INLINE constants load_constants(const int8_t *stream)
{
    static const uint8_t first[LANES] = {0, 16, 32, 0, 1, 17, 33, 0, 2, 18, 34, 0, 3, 19, 35, 0};
    constants k;
    EP_UNROLL for (int i = 0; i < VECTORS; i++) {
        k.order[i] = vaddq_u8(vld1q_u8(first), vdupq_n_u8((uint8_t)(4 * i)));
        EP_UNROLL for (int c = 0; c < COLUMNS; c++) {
            k.weights[c][i] = vld1q_s8(stream + (VECTORS * c + i) * LANES);
        }
    }
    return k;
}

/* The pixels of a row from `x` on, whatever channels they have. */
EP_INLINE void other_pixels(const ep_depthwise_job_neon *job, const int8_t *const rows[ROWS], int32_t x, int8_t *out,
                            const constants *k, const int rounding)
{
    for (; x < job->pixels; x++) {
        const int64_t at = job->first + x * job->step;
        const column a = column_at(rows, at, k);
        const column b = column_at(rows, at + job->tap, k);
        const column c = column_at(rows, at + 2 * job->tap, k);
        const int32_t count = x + 1 < job->pixels ? job->count : job->last_count;
        ep_store16_neon(out + x * job->out_step, pixel(a, b, c, k, job, rounding), count);
    }
}

/* The first pixels of a row: in turn, so that no column has to be moved. `reused` of them serve the next too. */
EP_INLINE void plain_pixels(const ep_depthwise_job_neon *job, const int8_t *const rows[ROWS], int8_t *out,
                            const constants *k, const int reused, const int rounding)
{
    const int64_t tap = job->tap;
    int64_t at = job->first;
    int32_t rest = job->plain;
    column a = column_at(rows, at, k);
    column b = column_at(rows, at + tap, k);
    column c;
#define PIXEL(a, b, c)                                      \
    if (reused < 2) {                                       \
        b = column_at(rows, at + tap, k);                   \
    }                                                       \
    if (reused < 1) {                                       \
        a = column_at(rows, at, k);                         \
    }                                                       \
    c = column_at(rows, at + 2 * tap, k);                   \
    vst1q_s8(out, pixel(a, b, c, k, job, rounding));        \
    rest--;                                                 \
    if (rest == 0) {                                        \
        return;                                             \
    }                                                       \
    at += job->step;                                        \
    out += job->out_step;
    for (;;) {
        if (reused == 2) {
            PIXEL(a, b, c)
            PIXEL(b, c, a)
            PIXEL(c, a, b)
        } else {
            PIXEL(a, b, c)
            PIXEL(c, b, a)
        }
    }
}

EP_INLINE void all_rows(const ep_depthwise_job_neon *job, const int reused, const int rounding)
{
    const constants k = load_constants(job->stream);
    const int8_t *const *rows = job->rows;
    int8_t *out = job->out;
    for (int32_t i = job->row_count; i > 0; i--) {
        if (job->plain > 0) {
            plain_pixels(job, rows, out, &k, reused, rounding);
        }
        other_pixels(job, rows, job->plain, out, &k, rounding);
        rows += ROWS;
        out += job->out_row;
    }
}

EP_INLINE void by_reuse(const ep_depthwise_job_neon *job, const int rounding)
{
    if (job->step == job->tap) {
        all_rows(job, 2, rounding);
    } else if (job->step == 2 * job->tap) {
        all_rows(job, 1, rounding);
    } else {
        all_rows(job, 0, rounding);
    }
}

static void some_rows(const ep_depthwise_job_neon *job)
{
    if (job->p->output.rounding == EP_POSITIVE) {
        by_reuse(job, EP_POSITIVE);
    } else if (job->p->output.rounding == EP_RIGHT) {
        by_reuse(job, EP_RIGHT);
    } else {
        by_reuse(job, EP_ANY);
    }
}

void ep_depthwise_conv2d_s8_dot(const ep_depthwise_conv2d_s8_dot_params *p, const int8_t *in, int8_t *out,
                                void *scratch)
{
    ep_depthwise_neon_run(&p->depthwise, some_rows, TILE_BYTES, in, out, scratch);
}
