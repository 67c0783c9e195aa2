#include "ep_conv2d_s8.h"

#include "ep_math.h"

/* Filters that are computed together: each input is loaded once for all of them. */
enum { BLOCK = 4 };

/* The taps of one output position that lie inside the image. */
typedef struct {
    const int8_t *in;     /* the first channel of the first pixel inside, of the group */
    int32_t row_step;     /* from a row of taps to the next, in the image */
    int32_t tap_step;     /* from a run of weights to the next in a row, in the image */
    int32_t weights;      /* of the first tap inside, from the filter's first */
    int32_t weight_row;   /* from a row of taps to the next, in the filter */
    int32_t rows;         /* of taps inside */
    int32_t runs;         /* of weights in a row whose inputs are neighbours */
    int32_t run;          /* weights in such a run */
} taps;

static taps taps_inside(const ep_conv2d_s8_params *p, const int8_t *in, int32_t top, int32_t left, ep_span rows,
                        ep_span cols)
{
    const int32_t depth = p->group_channels;
    const int32_t columns = cols.end - cols.begin;
    const int32_t y = top + rows.begin * p->dilation_h;
    const int32_t x = left + cols.begin * p->dilation_w;
    const int is_inside = rows.begin < rows.end && cols.begin < cols.end;
    const int is_one_run = p->dilation_w * p->in_channels == depth;
    taps t;
    t.in = is_inside ? in + (y * p->in_w + x) * p->in_channels : in;
    t.row_step = p->dilation_h * p->in_w * p->in_channels;
    t.tap_step = p->dilation_w * p->in_channels;
    t.weights = (rows.begin * p->window_w + cols.begin) * depth;
    t.weight_row = p->window_w * depth;
    t.rows = is_inside ? rows.end - rows.begin : 0;
    t.runs = is_one_run ? 1 : columns;
    t.run = is_one_run ? columns * depth : depth;
    return t;
}

/* Adds one run of BLOCK filters to sums; `next` leads from a filter to the next. */
static void add_block(const int8_t *in, const int8_t *w0, int32_t next, int32_t count, int32_t zero_point,
                      int32_t sums[BLOCK])
{
    const int8_t *w1 = w0 + next;
    const int8_t *w2 = w1 + next;
    const int8_t *w3 = w2 + next;
    int32_t s0 = sums[0];
    int32_t s1 = sums[1];
    int32_t s2 = sums[2];
    int32_t s3 = sums[3];
    for (int32_t i = 0; i < count; i++) {
        const int32_t x = in[i] - zero_point;
        s0 += x * w0[i];
        s1 += x * w1[i];
        s2 += x * w2[i];
        s3 += x * w3[i];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static int32_t add_one(const int8_t *in, const int8_t *weights, int32_t count, int32_t zero_point, int32_t sum)
{
    for (int32_t i = 0; i < count; i++) {
        sum += (in[i] - zero_point) * weights[i];
    }
    return sum;
}

/* BLOCK filters, the first at `filter`, on one position. */
static void sum_block(const ep_conv2d_s8_params *p, const taps *t, const int8_t *filter, int32_t sums[BLOCK])
{
    const int32_t next = p->window_h * t->weight_row;
    for (int32_t r = 0; r < t->rows; r++) {
        const int8_t *in = t->in + r * t->row_step;
        const int8_t *weights = filter + (t->weights + r * t->weight_row);
        for (int32_t k = 0; k < t->runs; k++) {
            add_block(in + k * t->tap_step, weights + k * t->run, next, t->run, p->in_zero_point, sums);
        }
    }
}

static int32_t sum_one(const ep_conv2d_s8_params *p, const taps *t, const int8_t *filter, int32_t sum)
{
    for (int32_t r = 0; r < t->rows; r++) {
        const int8_t *in = t->in + r * t->row_step;
        const int8_t *weights = filter + (t->weights + r * t->weight_row);
        for (int32_t k = 0; k < t->runs; k++) {
            sum = add_one(in + k * t->tap_step, weights + k * t->run, t->run, p->in_zero_point, sum);
        }
    }
    return sum;
}

/* All filters of one group, channels begin to end of the output, on one position. */
static void group(const ep_conv2d_s8_params *p, const taps *t, const int8_t *filter, int32_t begin, int32_t end,
                  int8_t *out)
{
    const int32_t filter_weights = p->window_h * t->weight_row;
    int32_t c = begin;
    for (; c + BLOCK <= end; c += BLOCK) {
        int32_t sums[BLOCK];
        for (int32_t i = 0; i < BLOCK; i++) {
            sums[i] = p->bias[c + i];
        }
        sum_block(p, t, filter + c * filter_weights, sums);
        for (int32_t i = 0; i < BLOCK; i++) {
            out[c + i] = ep_requantize(sums[i], p->multiplier[c + i], p->shift[c + i], p->zero_point, p->act_min,
                                       p->act_max);
        }
    }
    for (; c < end; c++) {
        const int32_t sum = sum_one(p, t, filter + c * filter_weights, p->bias[c]);
        out[c] = ep_requantize(sum, p->multiplier[c], p->shift[c], p->zero_point, p->act_min, p->act_max);
    }
}

void ep_conv2d_s8(const ep_conv2d_s8_params *p, const int8_t *in, const int8_t *filter, int8_t *out)
{
    const int32_t groups = p->in_channels / p->group_channels;
    const int32_t group_filters = p->out_channels / groups;
    for (int32_t y = 0; y < p->out_h; y++) {
        const int32_t top = y * p->stride_h - p->pad_top;
        const ep_span rows = ep_tap_span(top, p->dilation_h, p->window_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; x++) {
            const int32_t left = x * p->stride_w - p->pad_left;
            const ep_span cols = ep_tap_span(left, p->dilation_w, p->window_w, p->in_w);
            taps t = taps_inside(p, in, top, left, rows, cols);
            for (int32_t g = 0; g < groups; g++) {
                group(p, &t, filter, g * group_filters, (g + 1) * group_filters, out);
                t.in += p->group_channels;
            }
            out += p->out_channels;
        }
    }
}
