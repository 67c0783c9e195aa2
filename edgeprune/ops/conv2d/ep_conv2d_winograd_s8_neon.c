#include "ep_conv2d_winograd_s8_neon.h"

#include "ep_rows_neon.h"

enum { SIDE = 4, FREQUENCIES = SIDE * SIDE, BLOCK = 8, TILE = FREQUENCIES * BLOCK };
enum { TOGETHER = 8, GAIN_BITS = 2, ALL_OUTPUTS = 5 };

typedef struct {
    const ep_conv2d_winograd_s8_neon_params *p;
    int16_t *inputs; /* (8 input channels, tile, frequency, of the 8) */
    int32_t *sums;   /* (tile, frequency, 8 channels) */
    int32_t tiles;
} job;

/* --- inputs */

/* A column of four inputs of 8 channels, transformed. */
typedef struct {
    int16x8_t of[SIDE];
} column;

EP_INLINE column column_at(const int8_t *const rows[SIDE], int64_t at)
{
    const int8x8_t d[SIDE] = {vld1_s8(rows[0] + at), vld1_s8(rows[1] + at), vld1_s8(rows[2] + at),
                              vld1_s8(rows[3] + at)};
    const column c = {{vsubl_s8(d[0], d[2]), vaddl_s8(d[1], d[2]), vsubl_s8(d[2], d[1]), vsubl_s8(d[1], d[3])}};
    return c;
}

/* One tile of columns a, b, c and d, along rows too. */
EP_INLINE void transform_tile(column a, column b, column c, column d, int16_t *to)
{
    EP_UNROLL for (int i = 0; i < SIDE; i++) {
        vst1q_s16(to + SIDE * BLOCK * i, vsubq_s16(a.of[i], c.of[i]));
        vst1q_s16(to + SIDE * BLOCK * i + BLOCK, vaddq_s16(b.of[i], c.of[i]));
        vst1q_s16(to + SIDE * BLOCK * i + 2 * BLOCK, vsubq_s16(c.of[i], b.of[i]));
        vst1q_s16(to + SIDE * BLOCK * i + 3 * BLOCK, vsubq_s16(b.of[i], d.of[i]));
    }
}

/* The tiles of one row, from number `first` on, whose four rows of inputs are `rows`. Two of them in turn, which
 * share columns. */
static void transform_inputs(const job *j, const int8_t *const rows[SIDE], int32_t first)
{
    const int32_t channels = j->p->in_channels;
    for (int32_t k = 0; k < channels; k += BLOCK) {
        int16_t *to = j->inputs + ((int64_t)(k / BLOCK) * j->tiles + first) * TILE;
        int64_t at = k;
        column a = column_at(rows, at);
        column b = column_at(rows, at + channels);
        for (int32_t rest = j->p->tile_columns; rest > 0; rest -= 2) {
            at += 2 * channels;
            const column c = column_at(rows, at);
            const column d = column_at(rows, at + channels);
            transform_tile(a, b, c, d, to);
            if (rest == 1) {
                break;
            }
            at += 2 * channels;
            a = column_at(rows, at);
            b = column_at(rows, at + channels);
            transform_tile(c, d, a, b, to + TILE);
            to += 2 * TILE;
        }
    }
}

/* --- products */

typedef int32x4_t sums[TOGETHER][2];

#define ADD_INPUT(lane)                                                                          \
    {                                                                                            \
        const int16x8_t w = vld1q_s16(filters + BLOCK * (lane));                                 \
        EP_UNROLL for (int i = 0; i < tiles; i++) {                                              \
            sum[i][0] = vmlal_laneq_s16(sum[i][0], vget_low_s16(w), x[i], lane);                 \
            sum[i][1] = vmlal_high_laneq_s16(sum[i][1], w, x[i], lane);                          \
        }                                                                                        \
    }

/* Some tiles of one frequency: all inputs of 8 channels. `step`: from 8 inputs to the next. */
EP_INLINE void multiply(const int16_t *in, int64_t step, int32_t channels, const int16_t *filters, int32x4_t low,
                        int32x4_t high, int32_t *out, const int tiles)
{
    sums sum;
    EP_UNROLL for (int i = 0; i < tiles; i++) {
        sum[i][0] = low;
        sum[i][1] = high;
    }
    EP_ROLLED for (int32_t rest = channels; rest > 0; rest -= BLOCK) {
        int16x8_t x[TOGETHER];
        EP_UNROLL for (int i = 0; i < tiles; i++) {
            x[i] = vld1q_s16(in + TILE * i);
        }
        ADD_INPUT(0)
        ADD_INPUT(1)
        ADD_INPUT(2)
        ADD_INPUT(3)
        ADD_INPUT(4)
        ADD_INPUT(5)
        ADD_INPUT(6)
        ADD_INPUT(7)
        in += step;
        filters += BLOCK * BLOCK;
    }
    EP_UNROLL for (int i = 0; i < tiles; i++) {
        vst1q_s32(out + TILE * i, sum[i][0]);
        vst1q_s32(out + TILE * i + 4, sum[i][1]);
    }
}

#define SOME(count)                                                        \
    case count:                                                            \
        multiply(in, step, channels, filters, low, high, out, count);      \
        break;

static void multiply_all(const job *j, const int16_t *in, const int16_t *filters, int32x4_t low, int32x4_t high,
                         int32_t *out)
{
    const int32_t channels = j->p->in_channels;
    const int64_t step = (int64_t)j->tiles * TILE;
    for (int32_t rest = j->tiles; rest > 0; rest -= TOGETHER) {
        switch (rest) {
            SOME(1)
            SOME(2)
            SOME(3)
            SOME(4)
            SOME(5)
            SOME(6)
            SOME(7)
        default:
            multiply(in, step, channels, filters, low, high, out, TOGETHER);
        }
        in += TOGETHER * TILE;
        out += TOGETHER * TILE;
    }
}

/* All frequencies; a bias that is in one of them alone is in all four outputs. Gives what is behind the filters. */
static const int8_t *multiply_block(const job *j, const int8_t *stream)
{
    const int32_t *bias = (const int32_t *)(const void *)stream;
    const int16_t *filters = (const int16_t *)(const void *)(stream + 4 * BLOCK);
    const int32x4_t zero = vdupq_n_s32(0);
    for (int32_t f = 0; f < FREQUENCIES; f++) {
        const int has_bias = f == ALL_OUTPUTS;
        multiply_all(j, j->inputs + f * BLOCK, filters, has_bias ? vld1q_s32(bias) : zero,
                     has_bias ? vld1q_s32(bias + 4) : zero, j->sums + f * BLOCK);
        filters += BLOCK * j->p->in_channels;
    }
    return (const int8_t *)filters;
}

/* --- outputs */

/* Four channels of a tile: the four outputs. */
EP_INLINE void transform_sums(const int32_t *at, int32x4_t outputs[4])
{
    int32x4_t upper[SIDE];
    int32x4_t lower[SIDE];
    EP_UNROLL for (int i = 0; i < SIDE; i++) {
        int32x4_t s[SIDE];
        EP_UNROLL for (int r = 0; r < SIDE; r++) {
            s[r] = vld1q_s32(at + BLOCK * (SIDE * r + i));
        }
        upper[i] = vaddq_s32(vaddq_s32(s[0], s[1]), s[2]);
        lower[i] = vsubq_s32(vsubq_s32(s[1], s[2]), s[3]);
    }
    outputs[0] = vaddq_s32(vaddq_s32(upper[0], upper[1]), upper[2]);
    outputs[1] = vsubq_s32(vsubq_s32(upper[1], upper[2]), upper[3]);
    outputs[2] = vaddq_s32(vaddq_s32(lower[0], lower[1]), lower[2]);
    outputs[3] = vsubq_s32(vsubq_s32(lower[1], lower[2]), lower[3]);
}

/* Where a tile's outputs go, and how many of them are there. */
typedef struct {
    int8_t *out;
    int64_t pixel; /* bytes to the next pixel, and to the next row */
    int64_t row;
    int32_t columns;
    int32_t rows;
    int32_t channels;
} place;

/* Outputs of a tile that is not whole. */
static void store_part(const int8x8_t results[4], const place *to)
{
    for (int i = 0; i < 4; i++) {
        if (i / 2 < to->rows && i % 2 < to->columns) {
            ep_store_neon(to->out + i / 2 * to->row + i % 2 * to->pixel, results[i], to->channels);
        }
    }
}

EP_INLINE void finish_tile(const int32_t *at, const int32_t *factors, const ep_output_neon *o, const place *to,
                           const int rounding)
{
    int32x4_t low[4];
    int32x4_t high[4];
    int8x8_t results[4];
    transform_sums(at, low);
    transform_sums(at + 4, high);
    EP_UNROLL for (int i = 0; i < 4; i++) {
        low[i] = ep_scale_neon(vshrq_n_s32(low[i], GAIN_BITS), vld1q_s32(factors), vld1q_s32(factors + 8), rounding);
        high[i] = ep_scale_neon(vshrq_n_s32(high[i], GAIN_BITS), vld1q_s32(factors + 4), vld1q_s32(factors + 12),
                                rounding);
        results[i] = ep_narrow_neon(low[i], high[i], o, rounding);
    }
    if (to->rows < 2 || to->columns < 2 || to->channels < BLOCK) {
        store_part(results, to);
        return;
    }
    vst1_s8(to->out, results[0]);
    vst1_s8(to->out + to->pixel, results[1]);
    vst1_s8(to->out + to->row, results[2]);
    vst1_s8(to->out + to->row + to->pixel, results[3]);
}

EP_INLINE void finish_block(const job *j, const int8_t *factors, int32_t y, int8_t *out, int32_t channels,
                            const int rounding)
{
    const ep_conv2d_winograd_s8_neon_params *p = j->p;
    const int32_t *sums_at = j->sums;
    place to = {.pixel = p->out_channels, .row = (int64_t)p->out_w * p->out_channels, .channels = channels};
    for (int32_t i = 0; i < j->tiles; i += p->tile_columns) {
        to.out = out;
        to.rows = p->out_h - y;
        for (int32_t t = 0; t < p->tile_columns; t++) {
            to.columns = p->out_w - 2 * t;
            finish_tile(sums_at, (const int32_t *)(const void *)factors, &p->output, &to, rounding);
            sums_at += TILE;
            to.out += 2 * to.pixel;
        }
        y += 2;
        out += 2 * to.row;
    }
}

static void finish(const job *j, const int8_t *factors, int32_t y, int8_t *out, int32_t channels)
{
    if (j->p->output.rounding == EP_POSITIVE) {
        finish_block(j, factors, y, out, channels, EP_POSITIVE);
    } else if (j->p->output.rounding == EP_RIGHT) {
        finish_block(j, factors, y, out, channels, EP_RIGHT);
    } else {
        finish_block(j, factors, y, out, channels, EP_ANY);
    }
}

/* Rows of outputs from y on. */
static void band(job *j, ep_rows_neon *ring, int32_t y, int8_t *out)
{
    const ep_conv2d_winograd_s8_neon_params *p = j->p;
    const int32_t left = (p->out_h - y + 1) / 2;
    const int32_t tile_rows = left < p->tile_rows ? left : p->tile_rows;
    j->tiles = tile_rows * p->tile_columns;
    ep_rows_neon_advance(ring, y + 2 * tile_rows + 2);
    for (int32_t i = 0; i < tile_rows; i++) {
        const int8_t *rows[SIDE];
        for (int32_t r = 0; r < SIDE; r++) {
            rows[r] = ep_rows_neon_at(ring, y + 2 * i + r);
        }
        transform_inputs(j, rows, i * p->tile_columns);
    }
    const int8_t *stream = p->stream;
    for (int32_t c = 0; c < p->out_channels; c += BLOCK) {
        const int8_t *factors = multiply_block(j, stream);
        finish(j, factors, y, out + c, p->out_channels - c);
        stream = factors + 2 * 4 * BLOCK;
    }
}

void ep_conv2d_winograd_s8_neon(const ep_conv2d_winograd_s8_neon_params *p, const int8_t *in, int8_t *out,
                                void *scratch)
{
    int8_t *const bytes = scratch;
    ep_rows_neon ring = {
        .in = in,
        .in_h = p->in_h,
        .in_bytes = p->in_w * p->in_channels,
        .pad_top = p->pad_top,
        .left_bytes = p->pad_left * p->in_channels,
        .row_bytes = (2 * p->tile_columns + 2) * p->in_channels,
        .slots = 2 * p->tile_rows + 2,
        .zero_point = (int8_t)p->in_zero_point,
        .ring = bytes + p->ring_at,
    };
    job j = {
        .p = p,
        .inputs = (int16_t *)(void *)(bytes + p->inputs_at),
        .sums = (int32_t *)(void *)(bytes + p->sums_at),
    };
    ep_rows_neon_begin(&ring);
    for (int32_t y = 0; y < p->out_h; y += 2 * p->tile_rows) {
        band(&j, &ring, y, out + (int64_t)y * p->out_w * p->out_channels);
    }
}
