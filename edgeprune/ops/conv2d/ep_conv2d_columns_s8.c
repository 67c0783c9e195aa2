#include "ep_conv2d_columns_s8.h"

#include <stddef.h>

#include "ep_math.h"

/* Filters that are computed together: each input is loaded once for all of them. */
enum { BLOCK = 4 };

/* The inputs of one tap less the zero point; `pixel` is NULL outside of the image. */
static void gather_tap(const ep_conv2d_columns_s8_params *p, int32_t tap, const int8_t *pixel, int16_t *x)
{
    const int32_t end = p->begin[tap + 1];
    for (int32_t i = p->begin[tap]; i < end; i++) {
        x[i] = pixel != NULL ? (int16_t)(pixel[p->list[i]] - p->in_zero_point) : 0;
    }
}

static void gather(const ep_conv2d_columns_s8_params *p, const int8_t *in, int32_t top, int32_t left, int16_t *x)
{
    for (int32_t r = 0; r < p->window_h; r++) {
        const int32_t row = top + r * p->dilation_h;
        for (int32_t k = 0; k < p->window_w; k++) {
            const int32_t column = left + k * p->dilation_w;
            const int is_inside = row >= 0 && row < p->in_h && column >= 0 && column < p->in_w;
            const int8_t *pixel = is_inside ? in + (row * p->in_w + column) * p->in_channels : NULL;
            gather_tap(p, r * p->window_w + k, pixel, x);
        }
    }
}

static void add_block(const int16_t *x, const int8_t *w0, int32_t depth, int32_t sums[BLOCK])
{
    const int8_t *w1 = w0 + depth;
    const int8_t *w2 = w1 + depth;
    const int8_t *w3 = w2 + depth;
    int32_t s0 = sums[0];
    int32_t s1 = sums[1];
    int32_t s2 = sums[2];
    int32_t s3 = sums[3];
    for (int32_t i = 0; i < depth; i++) {
        s0 += x[i] * w0[i];
        s1 += x[i] * w1[i];
        s2 += x[i] * w2[i];
        s3 += x[i] * w3[i];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static int32_t add_one(const int16_t *x, const int8_t *weights, int32_t depth, int32_t sum)
{
    for (int32_t i = 0; i < depth; i++) {
        sum += x[i] * weights[i];
    }
    return sum;
}

static int8_t scaled(const ep_conv2d_columns_s8_params *p, int32_t sum, int32_t c)
{
    return ep_requantize(sum, p->multiplier[c], p->shift[c], p->zero_point, p->act_min, p->act_max);
}

/* All filters on what was gathered of one position. */
static void multiply(const ep_conv2d_columns_s8_params *p, const int16_t *x, int8_t *out)
{
    int32_t c = 0;
    for (; c + BLOCK <= p->out_channels; c += BLOCK) {
        int32_t sums[BLOCK];
        for (int32_t i = 0; i < BLOCK; i++) {
            sums[i] = p->bias[c + i];
        }
        add_block(x, p->filter + c * p->depth, p->depth, sums);
        for (int32_t i = 0; i < BLOCK; i++) {
            out[c + i] = scaled(p, sums[i], c + i);
        }
    }
    for (; c < p->out_channels; c++) {
        out[c] = scaled(p, add_one(x, p->filter + c * p->depth, p->depth, p->bias[c]), c);
    }
}

void ep_conv2d_columns_s8(const ep_conv2d_columns_s8_params *p, const int8_t *in, int8_t *out, void *scratch)
{
    int16_t *x = scratch;
    for (int32_t y = 0; y < p->out_h; y++) {
        for (int32_t column = 0; column < p->out_w; column++) {
            gather(p, in, y * p->stride_h - p->pad_top, column * p->stride_w - p->pad_left, x);
            multiply(p, x, out);
            out += p->out_channels;
        }
    }
}
