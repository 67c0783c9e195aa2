#include "ep_conv2d_winograd_s8_dsp.h"

#include "ep_clamp_dsp.h"
#include "ep_math.h"

enum {
    BLOCK = 4,      /* filters */
    TILE_ROWS = 2,  /* outputs of two tiles side by side */
    TILE_COLUMNS = 4,
    PATCH_ROWS = 4, /* inputs that they see */
    PATCH_COLUMNS = 6,
    FREQUENCIES = 16,
};

/* `count` is a multiple of 4 in both. */
static int8_t *copy(int8_t *to, const int8_t *from, int32_t count)
{
    for (; count >= 8; count -= 8) {
        __builtin_memcpy(to, from, 4);
        __builtin_memcpy(to + 4, from + 4, 4);
        to += 8;
        from += 8;
    }
    if (count > 0) {
        __builtin_memcpy(to, from, 4);
        to += 4;
    }
    return to;
}

static int8_t *fill(int8_t *to, int32_t value, int32_t count)
{
    const uint32_t word = ((uint32_t)value & 0xFFu) * 0x01010101u;
    for (int8_t *const end = to + count; to < end; to += 4) {
        __builtin_memcpy(to, &word, 4);
    }
    return to;
}

/* Copies a patch that leaves the image, the zero point where it does. */
static void copy_patch(const ep_conv2d_winograd_s8_dsp_params *p, const int8_t *in, int32_t top, int32_t left,
                       int8_t *to)
{
    const int32_t channels = p->in_channels;
    const int32_t begin = ep_clamp(-left, 0, PATCH_COLUMNS);
    const int32_t end = ep_clamp(p->in_w - left, begin, PATCH_COLUMNS);
    for (int32_t y = top; y < top + PATCH_ROWS; y++) {
        if (y < 0 || y >= p->in_h) {
            to = fill(to, p->in_zero_point, PATCH_COLUMNS * channels);
            continue;
        }
        to = fill(to, p->in_zero_point, begin * channels);
        to = copy(to, in + (y * p->in_w + left + begin) * channels, (end - begin) * channels);
        to = fill(to, p->in_zero_point, (PATCH_COLUMNS - end) * channels);
    }
}

/* Transforms the patch at a place. */
static void read_inputs(const ep_conv2d_winograd_s8_dsp_params *p, const int8_t *in, int32_t top, int32_t left,
                        int8_t *copied, int32_t *to)
{
    const int32_t channels = p->in_channels;
    const int32_t is_inside =
        top >= 0 && left >= 0 && top + PATCH_ROWS <= p->in_h && left + PATCH_COLUMNS <= p->in_w;
    if (is_inside) {
        ep_winograd_inputs_dsp(in + (top * p->in_w + left) * channels, p->in_w * channels, channels, to);
        return;
    }
    copy_patch(p, in, top, left, copied);
    ep_winograd_inputs_dsp(copied, PATCH_COLUMNS * channels, channels, to);
}

/* Where outputs of two tiles go; the image may end before they do. */
typedef struct {
    int8_t *at;
    int32_t row_step;
    int32_t pixel_step;
    int32_t rows;
    int32_t columns;
} place;

/* Four filters of whole tiles, each pixel's outputs one word. */
static void write_words(const int8_t *from, const place *to, int8_t *at)
{
    const int32_t step = to->pixel_step;
    for (int32_t r = 0; r < TILE_ROWS; r++) {
        __builtin_memcpy(at, from, BLOCK);
        __builtin_memcpy(at + step, from + BLOCK, BLOCK);
        __builtin_memcpy(at + 2 * step, from + 2 * BLOCK, BLOCK);
        __builtin_memcpy(at + 3 * step, from + 3 * BLOCK, BLOCK);
        from += TILE_COLUMNS * BLOCK;
        at += to->row_step;
    }
}

/* Outputs of a row of pixels, perhaps of less than four filters. */
static void write_row(const int8_t *from, int32_t columns, int32_t filters, int8_t *to, int32_t step)
{
    if (filters == BLOCK) {
        for (int32_t c = columns; c > 0; c--) {
            __builtin_memcpy(to, from, BLOCK);
            from += BLOCK;
            to += step;
        }
        return;
    }
    for (int32_t c = 0; c < columns; c++) {
        for (int32_t i = 0; i < filters; i++) {
            to[c * step + i] = from[c * BLOCK + i];
        }
    }
}

/* All filters of two tiles. */
static void compute(const ep_conv2d_winograd_s8_dsp_params *p, const int32_t *inputs, int32_t *sums,
                    const place *to)
{
    const int32_t *stream = p->stream;
    const int32_t quads = p->in_channels / 4;
    int8_t *results = (int8_t *)(sums + FREQUENCIES * 2 * BLOCK);
    const int32_t is_whole = to->rows == TILE_ROWS && to->columns == TILE_COLUMNS;
    for (int32_t done = 0; done < p->out_channels; done += BLOCK) {
        const int32_t filters = ep_min(p->out_channels - done, BLOCK);
        stream = ep_winograd_products_dsp(stream, inputs, sums, quads);
        stream = p->is_relu ? ep_winograd_outputs_relu_dsp(stream, sums, results, filters)
                            : ep_winograd_outputs_dsp(stream, sums, results, filters);
        if (is_whole && filters == BLOCK) {
            write_words(results, to, to->at + done);
        } else {
            for (int32_t r = 0; r < to->rows; r++) {
                write_row(results + r * TILE_COLUMNS * BLOCK, to->columns, filters,
                          to->at + r * to->row_step + done, to->pixel_step);
            }
        }
    }
}

void ep_conv2d_winograd_s8_dsp(const ep_conv2d_winograd_s8_dsp_params *p, const int8_t *in, int8_t *out,
                               void *scratch)
{
    int32_t *inputs = scratch;
    int32_t *sums = inputs + p->in_channels * FREQUENCIES;
    int8_t *copied = (int8_t *)sums; /* read before there are sums */
    place to;
    to.pixel_step = p->out_channels;
    to.row_step = p->out_w * p->out_channels;
    for (int32_t y = 0; y < p->out_h; y += TILE_ROWS) {
        to.rows = ep_min(p->out_h - y, TILE_ROWS);
        for (int32_t x = 0; x < p->out_w; x += TILE_COLUMNS) {
            to.at = out + (y * p->out_w + x) * p->out_channels;
            to.columns = ep_min(p->out_w - x, TILE_COLUMNS);
            read_inputs(p, in, y - p->pad_top, x - p->pad_left, copied, inputs);
            compute(p, inputs, sums, &to);
        }
    }
    ep_clamp_dsp(out, p->out_h * p->out_w * p->out_channels, p->act_min, p->act_max);
}
