#include "ep_conv2d_m0.h"

#include "ep_math.h"
#include "ep_pack4_m0.h"
#include "ep_pick4_m0.h"

enum { PIXELS = 4 };

/* Where four windows lie in the image. */
typedef struct {
    int32_t top[PIXELS];
    int32_t left[PIXELS];
    int32_t is_inside; /* no window leaves the image to the left or to the right */
} windows;

/* The windows of the next pixels from output (y, x) on; pixels beyond `count` repeat the first. */
static windows next_windows(const ep_conv2d_m0_params *p, int32_t *y, int32_t *x, int32_t count)
{
    const int32_t reach = p->in_w - (p->window_w - 1) * p->dilation_w;
    windows w;
    w.is_inside = 1;
    for (int32_t i = 0; i < PIXELS; i++) {
        if (i >= count) {
            w.top[i] = w.top[0];
            w.left[i] = w.left[0];
            continue;
        }
        w.top[i] = *y * p->stride_h - p->pad_top;
        w.left[i] = *x * p->stride_w - p->pad_left;
        if (w.left[i] < 0 || w.left[i] >= reach) {
            w.is_inside = 0;
        }
        *x += 1;
        if (*x == p->out_w) {
            *x = 0;
            *y += 1;
        }
    }
    return w;
}

/* What weights read of `taps` neighbours in a row, from tap `first` on; `pixels` is where it sees four pixels. */
static int32_t *append_taps(const ep_conv2d_m0_params *p, int32_t *column, const int8_t *const *pixels,
                            int32_t first, int32_t taps)
{
    if (!p->list) {
        return ep_pack4_m0(column, pixels, taps * p->in_channels);
    }
    const int32_t begin = p->begin[first];
    const int32_t count = p->begin[first + taps] - begin;
    return count > 0 ? ep_pick4_m0(column, pixels, p->list + begin, count) : column;
}

/* A row of taps; `rows` are the windows' rows of the image, NULL outside of it. */
static int32_t *append_row(const ep_conv2d_m0_params *p, int32_t *column, const windows *w,
                           const int8_t *const *rows, int32_t first, const int8_t *border)
{
    for (int32_t t = 0; t < p->window_w; t++) {
        const int8_t *pixels[PIXELS];
        for (int32_t i = 0; i < PIXELS; i++) {
            const int32_t x = w->left[i] + t * p->dilation_w;
            const int is_inside = rows[i] && x >= 0 && x < p->in_w;
            /* A list counts from the row's first tap. */
            pixels[i] = (is_inside ? rows[i] + x * p->in_channels : border) - (p->list ? t * p->in_channels : 0);
        }
        column = append_taps(p, column, pixels, first + t, 1);
    }
    return column;
}

static void fill_column(const ep_conv2d_m0_params *p, int32_t *column, const windows *w, const int8_t *in,
                        const int8_t *border)
{
    const int32_t row_bytes = p->in_w * p->in_channels;
    for (int32_t r = 0; r < p->window_h; r++) {
        const int8_t *rows[PIXELS];
        const int8_t *begin[PIXELS];
        int32_t is_inside = w->is_inside && p->dilation_w == 1;
        for (int32_t i = 0; i < PIXELS; i++) {
            const int32_t y = w->top[i] + r * p->dilation_h;
            if (y >= 0 && y < p->in_h) {
                rows[i] = in + y * row_bytes;
                begin[i] = rows[i] + w->left[i] * p->in_channels;
            } else {
                rows[i] = 0;
                is_inside = 0;
            }
        }
        if (is_inside) {
            column = append_taps(p, column, begin, r * p->window_w, p->window_w);
        } else {
            column = append_row(p, column, w, rows, r * p->window_w, border);
        }
    }
}

static void clamp(const ep_conv2d_m0_params *p, int8_t *out, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = (int8_t)ep_clamp(out[i], p->act_min, p->act_max);
    }
}

void ep_conv2d_m0(const ep_conv2d_m0_params *p, const int8_t *in, int8_t *out, void *scratch,
                  void (*dot4)(const ep_dot4_m0_group *group))
{
    int32_t *column = scratch;
    ep_dot4_m0_group group;
    group.column = column;
    group.column_end = column + 2 * p->depth;
    group.weights = p->weights;
    group.channels = (const ep_m0_channel *)(const void *)p->channels;
    group.out_channels = p->out_channels;
    group.piece_bits = p->piece_bits;
    int8_t *border = (int8_t *)(column + 2 * p->depth);
    for (int32_t i = 0; i < p->in_channels; i++) {
        border[i] = (int8_t)p->in_zero_point;
    }
    int32_t y = 0;
    int32_t x = 0;
    for (int32_t left = p->out_h * p->out_w; left > 0; left -= PIXELS) {
        const int32_t count = ep_min(left, PIXELS);
        const windows w = next_windows(p, &y, &x, count);
        fill_column(p, column, &w, in, border);
        for (int32_t i = 0; i < PIXELS; i++) {
            group.out[i] = out + (i < count ? i : 0) * p->out_channels;
        }
        dot4(&group);
        out += count * p->out_channels;
        if (p->act_min > INT8_MIN || p->act_max < INT8_MAX) {
            clamp(p, out - count * p->out_channels, count * p->out_channels);
        }
    }
}
