#include "ep_conv2d_columns_s8_dsp.h"

#include <stddef.h>

#include "ep_clamp_dsp.h"
#include "ep_math.h"

enum { BLOCK = 4 };

/* What does not change from pixel to pixel, and where the outputs go. */
typedef struct {
    const ep_conv2d_columns_s8_dsp_params *p;
    const int8_t *in;
    int8_t *out;
    int16_t *x;
    int8_t *results;
    int8_t *patch;
} work;

static int8_t *copy(int8_t *to, const int8_t *from, int32_t count)
{
    if ((((uintptr_t)to | (uintptr_t)from) & 3u) == 0) {
        for (; count >= 16; count -= 16) {
            __builtin_memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 16);
            to += 16;
            from += 16;
        }
    }
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

/* `taps` neighbours of row y from column x on, the zero point where they leave the image. */
static int8_t *copy_taps(const work *w, int32_t y, int32_t x, int32_t taps, int8_t *to)
{
    const ep_conv2d_columns_s8_dsp_params *p = w->p;
    const int32_t channels = p->in_channels;
    const int8_t *row = w->in + y * p->in_w * channels;
    if (x >= 0 && x + taps <= p->in_w) {
        return copy(to, row + x * channels, taps * channels);
    }
    const int32_t begin = ep_clamp(-x, 0, taps);
    const int32_t end = ep_clamp(p->in_w - x, begin, taps);
    to = fill(to, p->in_zero_point, begin * channels);
    to = copy(to, row + (x + begin) * channels, (end - begin) * channels);
    return fill(to, p->in_zero_point, (taps - end) * channels);
}

/* Copies a patch of the image, the zero point where it leaves the image. */
static void copy_patch(const work *w, int32_t top, int32_t left)
{
    const ep_conv2d_columns_s8_dsp_params *p = w->p;
    const int32_t taps = p->dilation_w == 1 ? p->patch_w : 1; /* whose inputs are neighbours */
    int8_t *to = w->patch;
    for (int32_t r = 0; r < p->window_h; r++) {
        const int32_t y = top + r * p->dilation_h;
        if (y < 0 || y >= p->in_h) {
            to = fill(to, p->in_zero_point, p->patch_w * p->in_channels);
            continue;
        }
        for (int32_t k = 0; k < p->patch_w; k += taps) {
            to = copy_taps(w, y, left + k * p->dilation_w, taps, to);
        }
    }
}

/* One pixel of two, wherever its window is. */
static void gather_one(const work *w, int32_t top, int32_t left, int16_t *x)
{
    const ep_conv2d_columns_s8_dsp_params *p = w->p;
    const int is_inside = top >= 0 && top <= p->last_top && left >= 0 && left <= p->last_left;
    if (is_inside) {
        ep_gather_one_dsp(x, w->in + (top * p->in_w + left) * p->in_channels, p->list, &p->gather);
    } else {
        copy_patch(w, top, left);
        ep_gather_one_dsp(x, w->patch, p->patch_list, &p->gather);
    }
}

static int is_whole(const ep_matrix *m)
{
    return m->places == NULL && m->channels % BLOCK == 0;
}

static void multiply_two(work *w)
{
    const ep_matrix *m = &w->p->matrix;
    int8_t *second = w->out + m->channels;
    if (is_whole(m) && m->is_relu) {
        (void)ep_dot_two_relu_dsp(m->stream, w->x, w->out, second, m->channels / BLOCK, m->pairs);
    } else if (is_whole(m)) {
        (void)ep_dot_two_dsp(m->stream, w->x, w->out, second, m->channels / BLOCK, m->pairs);
    } else {
        ep_matrix_two_dsp(m, w->x, w->out, w->results);
    }
    w->out += 2 * m->channels;
}

/* `rounds` times two neighbours of a row, whose windows begin at `at`, in the image or in a patch. */
static void run_pairs(work *w, const int8_t *at, const int32_t *list, int32_t rounds)
{
    const ep_conv2d_columns_s8_dsp_params *p = w->p;
    const ep_matrix *m = &p->matrix;
    const int32_t step = p->stride_w * p->in_channels;
    if (is_whole(m)) {
        const ep_columns c = {0,       w->x,           w->out,    w->out + m->channels, at,
                              at + step, list,         p->gather, 2 * step,             m->stream,
                              m->channels / BLOCK, m->pairs, w->x + 4 * m->pairs, rounds, m->channels};
        if (m->is_relu) {
            ep_columns_relu_dsp(&c);
        } else {
            ep_columns_dsp(&c);
        }
        w->out += 2 * rounds * m->channels;
        return;
    }
    for (; rounds > 0; rounds--) {
        ep_gather_two_dsp(w->x, at, at + step, list, &p->gather);
        multiply_two(w);
        at += 2 * step;
    }
}

static void fill_taps(const uint16_t *outside, int32_t begin, int32_t end, int16_t zero, int16_t *x)
{
    const uint16_t *last = outside + outside[end];
    for (const uint16_t *at = outside + outside[begin]; at < last; at++) {
        x[*at] = zero;
    }
}

/* Puts the zero point where taps are to the left or to the right of the image. */
static void fill_outside(const ep_conv2d_columns_s8_dsp_params *p, int32_t left, int16_t *x)
{
    const int16_t zero = (int16_t)p->in_zero_point;
    if (left < 0) {
        fill_taps(p->outside, 0, ep_min(-left, p->window_w), zero, x);
    }
    if (left > p->last_left) {
        fill_taps(p->outside, ep_clamp(p->in_w - left, 0, p->window_w), p->window_w, zero, x);
    }
}

/* Two neighbours of a row of which one leaves the image. */
static void run_at_border(work *w, int32_t top, int32_t left)
{
    const ep_conv2d_columns_s8_dsp_params *p = w->p;
    if (p->patch_w > p->window_w) {
        const int32_t first = top * p->in_w + left;
        if (top >= 0 && top <= p->last_top && first >= 0 && first <= p->last_pixel) {
            /* Beyond the ends of a row there are other rows: wrong, but there. */
            const int8_t *at = w->in + first * p->in_channels;
            ep_gather_two_dsp(w->x, at, at + p->stride_w * p->in_channels, p->list, &p->gather);
            fill_outside(p, left, w->x);
            fill_outside(p, left + p->stride_w, w->x + 2);
            multiply_two(w);
            return;
        }
        copy_patch(w, top, left);
        run_pairs(w, w->patch, p->patch_list, 1);
        return;
    }
    gather_one(w, top, left, w->x);
    gather_one(w, top, left + p->stride_w, w->x + 2);
    multiply_two(w);
}

/* The pixels of a row from column x on, as far as there are two. */
static int32_t run_row(work *w, int32_t top, int32_t x)
{
    const ep_conv2d_columns_s8_dsp_params *p = w->p;
    const int is_inside = top >= 0 && top <= p->last_top;
    while (x + 2 <= p->out_w) {
        const int32_t left = x * p->stride_w - p->pad_left;
        /* Of the pixels from here on, those whose windows stay in the image. */
        const int32_t room = p->last_left - left;
        const int32_t count = room < 0 ? 0 : ep_min(p->out_w - x, room / p->stride_w + 1);
        if (is_inside && left >= 0 && count >= 2) {
            run_pairs(w, w->in + (top * p->in_w + left) * p->in_channels, p->list, count / 2);
            x += count / 2 * 2;
        } else {
            run_at_border(w, top, left);
            x += 2;
        }
    }
    return x;
}

void ep_conv2d_columns_s8_dsp(const ep_conv2d_columns_s8_dsp_params *p, const int8_t *in, int8_t *out,
                              void *scratch)
{
    const ep_matrix *m = &p->matrix;
    int32_t *words = scratch;
    int8_t *results = (int8_t *)(words + 2 * m->pairs);
    work w = {p, in, out, scratch, results, results + (m->places != NULL ? 8 * (m->computed / BLOCK + 1) : 0)};
    int is_second = 0; /* of two pixels, the first being the last of the row before */
    int32_t top = -p->pad_top;
    for (int32_t y = 0; y < p->out_h; y++) {
        if (is_second) {
            gather_one(&w, top, -p->pad_left, w.x + 2);
            multiply_two(&w);
        }
        const int32_t x = run_row(&w, top, is_second);
        is_second = x < p->out_w;
        if (is_second) {
            gather_one(&w, top, x * p->stride_w - p->pad_left, w.x);
        }
        top += p->stride_h;
    }
    if (is_second) {
        for (int32_t i = 1; i < m->pairs; i++) {
            words[i] = words[2 * i];
        }
        ep_matrix_one_dsp(m, w.x, w.out, results);
    }
    ep_clamp_dsp(out, p->out_h * p->out_w * m->channels, m->act_min, m->act_max);
}
