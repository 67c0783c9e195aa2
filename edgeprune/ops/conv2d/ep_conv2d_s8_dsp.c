#include "ep_conv2d_s8_dsp.h"

#include <stddef.h>

#include "ep_clamp_dsp.h"
#include "ep_math.h"

/* What does not change from pixel to pixel; a run is taps of a row whose inputs are neighbours. */
typedef struct {
    const ep_conv2d_s8_dsp_params *p;
    const int8_t *in;
    int32_t run_taps;
    int32_t run;      /* inputs */
    int32_t runs;     /* in a row of taps */
    int32_t row_step; /* from a row of taps to the next, in the image */
    int32_t run_step;
    int32_t copied_row_step; /* the same in a copy of a window */
    int32_t copied_run_step;
    int32_t last_top; /* where the last window that stays in the image begins; negative: none does */
    int32_t last_left;
} image;

/* The pixel whose turn it is. */
typedef struct {
    int32_t rest; /* pixels of its row, itself included */
    int32_t top;
    int32_t left;
    const int8_t *row; /* the image at top, NULL: the window leaves it there or at the bottom */
} place;

/* What one pixel's window sees: in the image or, where it reaches beyond, in a copy. */
typedef struct {
    const int8_t *at;
    int32_t row_step;
    int32_t run_step;
} view;

static image read_image(const ep_conv2d_s8_dsp_params *p, const int8_t *in)
{
    image m;
    m.p = p;
    m.in = in;
    m.run_taps = p->dilation_w == 1 ? p->window_w : 1;
    m.run = m.run_taps * p->in_channels;
    m.runs = p->window_w / m.run_taps;
    m.row_step = p->dilation_h * p->in_w * p->in_channels;
    m.run_step = p->dilation_w * p->in_channels;
    m.copied_row_step = p->window_w * p->in_channels;
    m.copied_run_step = m.run;
    m.last_top = p->in_h - ((p->window_h - 1) * p->dilation_h + 1);
    m.last_left = p->in_w - ((p->window_w - 1) * p->dilation_w + 1);
    return m;
}

static void begin_row(const image *m, int32_t top, place *at)
{
    const int is_inside = top >= 0 && top <= m->last_top;
    at->rest = m->p->out_w;
    at->top = top;
    at->left = -m->p->pad_left;
    at->row = is_inside ? m->in + top * m->p->in_w * m->p->in_channels : NULL;
}

static int8_t *copy(int8_t *to, const int8_t *from, int32_t count)
{
    for (; count >= 4; count -= 4) {
        __builtin_memcpy(to, from, 4);
        to += 4;
        from += 4;
    }
    for (; count > 0; count--) {
        *to++ = *from++;
    }
    return to;
}

static int8_t *fill(int8_t *to, int32_t value, int32_t count)
{
    const uint32_t word = ((uint32_t)value & 0xFFu) * 0x01010101u;
    for (; count >= 4; count -= 4) {
        __builtin_memcpy(to, &word, 4);
        to += 4;
    }
    for (; count > 0; count--) {
        *to++ = (int8_t)value;
    }
    return to;
}

/* Copies the window at a place, the zero point where it leaves the image. */
static void copy_window(const image *m, const place *at, int8_t *to)
{
    const ep_conv2d_s8_dsp_params *p = m->p;
    const int32_t channels = p->in_channels;
    for (int32_t r = 0; r < p->window_h; r++) {
        const int32_t y = at->top + r * p->dilation_h;
        if (y < 0 || y >= p->in_h) {
            to = fill(to, p->in_zero_point, p->window_w * channels);
            continue;
        }
        for (int32_t k = 0; k < m->runs; k++) {
            const int32_t x = at->left + k * p->dilation_w;
            const int32_t begin = ep_clamp(-x, 0, m->run_taps);
            const int32_t end = ep_clamp(p->in_w - x, begin, m->run_taps);
            to = fill(to, p->in_zero_point, begin * channels);
            to = copy(to, m->in + (y * p->in_w + x + begin) * channels, (end - begin) * channels);
            to = fill(to, p->in_zero_point, (m->run_taps - end) * channels);
        }
    }
}

/* The view of the pixel whose turn it is, and the next pixel's turn. */
static inline view look(const image *m, place *at, int8_t *buffer)
{
    view v;
    if (at->row != NULL && at->left >= 0 && at->left <= m->last_left) {
        v.at = at->row + at->left * m->p->in_channels;
        v.row_step = m->row_step;
        v.run_step = m->run_step;
    } else {
        copy_window(m, at, buffer);
        v.at = buffer;
        v.row_step = m->copied_row_step;
        v.run_step = m->copied_run_step;
    }
    at->left += m->p->stride_w;
    at->rest--;
    if (at->rest == 0) {
        begin_row(m, at->top + m->p->stride_h, at);
    }
    return v;
}

static inline int32_t pair(int32_t low, int32_t high)
{
    return (int32_t)((uint32_t)high << 16 | ((uint32_t)low & 0xFFFFu));
}

/* One column of taps, two rows at a time; where there is no second, its weight is 0. */
static int32_t *expand_column_two(const int8_t *a, const int8_t *b, int32_t step_a, int32_t step_b, int32_t rows,
                                  int32_t *to)
{
    for (; rows > 0; rows -= 2) {
        const int32_t next_a = rows > 1 ? step_a : 0;
        const int32_t next_b = rows > 1 ? step_b : 0;
        to[0] = pair(a[0], a[next_a]);
        to[1] = pair(b[0], b[next_b]);
        to += 2;
        a += 2 * step_a;
        b += 2 * step_b;
    }
    return to;
}

/* The inputs of two windows as pairs of int16: first the words of all runs, then what is left of them. */
static void expand_two(const image *m, const view *a, const view *b, int16_t *x)
{
    const int32_t words = m->run / 4;
    const int32_t rows = m->p->window_h;
    if (words > 0 && m->runs == 1) {
        x = ep_widen_two_dsp(x, a->at, b->at, words, rows, a->row_step - 4 * words, b->row_step - 4 * words);
    } else if (words > 0) {
        for (int32_t r = 0; r < rows; r++) {
            x = ep_widen_two_dsp(x, a->at + r * a->row_step, b->at + r * b->row_step, words, m->runs,
                                 a->run_step - 4 * words, b->run_step - 4 * words);
        }
    }
    int32_t *to = (int32_t *)(void *)x;
    for (int32_t i = 4 * words; i < m->run; i++) {
        for (int32_t k = 0; k < m->runs; k++) {
            to = expand_column_two(a->at + k * a->run_step + i, b->at + k * b->run_step + i, a->row_step,
                                   b->row_step, rows, to);
        }
    }
}

static void expand_one(const image *m, const view *a, int16_t *to)
{
    const int32_t words = m->run / 4;
    const int32_t rows = m->p->window_h;
    for (int32_t r = 0; words > 0 && r < rows; r++) {
        for (int32_t k = 0; k < m->runs; k++) {
            to = ep_widen_one_dsp(to, a->at + r * a->row_step + k * a->run_step, words);
        }
    }
    for (int32_t i = 4 * words; i < m->run; i++) {
        for (int32_t k = 0; k < m->runs; k++) {
            for (int32_t r = 0; r < rows; r++) {
                *to++ = a->at[r * a->row_step + k * a->run_step + i];
            }
            to += rows % 2;
        }
    }
}

void ep_conv2d_s8_dsp(const ep_conv2d_s8_dsp_params *p, const int8_t *in, int8_t *out, void *scratch)
{
    const image m = read_image(p, in);
    const int32_t channels = p->matrix.channels;
    const int32_t positions = p->out_h * p->out_w;
    int16_t *x = scratch;
    int8_t *results = (int8_t *)(x + 4 * p->matrix.pairs);
    int8_t *first = results + (p->matrix.places != NULL ? 8 * (p->matrix.computed / 4 + 1) : 0);
    int8_t *second = first + ((p->window_h * p->window_w * p->in_channels + 3) & ~3);
    int8_t *to = out;
    place at;
    begin_row(&m, -p->pad_top, &at);
    for (int32_t i = 0; i + 2 <= positions; i += 2) {
        const view a = look(&m, &at, first);
        const view b = look(&m, &at, second);
        expand_two(&m, &a, &b, x);
        ep_matrix_two_dsp(&p->matrix, x, to, results);
        to += 2 * channels;
    }
    if (positions % 2) {
        const view a = look(&m, &at, first);
        expand_one(&m, &a, x);
        ep_matrix_one_dsp(&p->matrix, x, to, results);
    }
    ep_clamp_dsp(out, positions * channels, p->matrix.act_min, p->matrix.act_max);
}
