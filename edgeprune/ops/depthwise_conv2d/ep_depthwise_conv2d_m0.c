#include "ep_depthwise_conv2d_m0.h"

#include "ep_math.h"
#include "ep_plane_m0.h"

enum { WINDOW = 3, TOGETHER = 3 };

/* Some rows of output, and what the windows see of the image. */
typedef struct {
    int32_t rows;       /* of output */
    ep_plane_m0 seen;   /* of the image; rows may be 0 */
    const int8_t *from; /* its first pixel */
    uint8_t *to;        /* that pixel's place in the plane */
} block;

static block block_at(const ep_depthwise_conv2d_m0_params *p, const int8_t *in, uint8_t *plane, int32_t y)
{
    block b;
    b.rows = ep_min(p->block_rows, p->out_h - y);
    const int32_t top = y * p->stride_h - p->pad_top;
    const int32_t plane_rows = (b.rows - 1) * p->stride_h + (p->window_h - 1) * p->dilation_h + 1;
    const int32_t begin = ep_max(top, 0);
    const int32_t end = ep_min(top + plane_rows, p->in_h);
    const int32_t columns = ep_min(p->in_w, p->width - p->pad_left);
    b.seen.step = p->in_channels;
    b.seen.skip = (p->in_w - columns) * p->in_channels;
    b.seen.columns = columns;
    b.seen.rows = columns > 0 ? ep_max(end - begin, 0) : 0;
    b.seen.to_skip = p->width - columns;
    b.from = in + begin * p->in_w * p->in_channels;
    b.to = plane + (begin - top) * p->width + p->pad_left;
    for (int32_t i = 0; i < plane_rows * p->width; i++) {
        plane[i] = (uint8_t)(p->in_zero_point + 128);
    }
    return b;
}

static void repeat(int8_t *out, int32_t step, int32_t count, int8_t value)
{
    for (int32_t i = 0; i < count; i++) {
        *out = value;
        out += step;
    }
}

static void set_channel(const ep_depthwise_conv2d_m0_params *p, ep_window3_m0 *w, int32_t c)
{
    const int8_t *weights = p->weights + c * WINDOW * WINDOW;
    for (int32_t i = 0; i < WINDOW * WINDOW; i++) {
        w->weights[i] = weights[i];
    }
    w->channel = ((const ep_m0_channel *)(const void *)p->channels)[c];
}

static void clamp(const ep_depthwise_conv2d_m0_params *p, int8_t *out, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = (int8_t)ep_clamp(out[i], p->act_min, p->act_max);
    }
}

/* What does not change from channel to channel. */
static ep_window3_m0 window3_of(const ep_depthwise_conv2d_m0_params *p, int32_t channels)
{
    ep_window3_m0 w;
    w.row_step = p->stride_h * p->width;
    w.triple_bytes = p->out_w / TOGETHER * TOGETHER * p->stride_w;
    w.row_bytes = p->out_w * p->stride_w;
    w.width = p->width;
    w.out_channels = channels;
    w.piece_bits = p->piece_bits;
    w.next_single = p->stride_w - (WINDOW - 1) * p->width;
    w.next_triple = TOGETHER * p->stride_w - (WINDOW - 1) * p->width;
    return w;
}

/* All outputs of one channel in a block. */
static void make_any(const ep_depthwise_conv2d_m0_params *p, ep_tap_m0 *taps, const uint8_t *plane, int32_t c,
                     int32_t rows, int8_t *out, void (*any)(ep_taps_m0 *window))
{
    const int32_t count = p->window_h * p->window_w;
    const int8_t *weights = p->weights + c * count;
    ep_tap_m0 *tap = taps;
    for (int32_t y = 0; y < p->window_h; y++) {
        for (int32_t x = 0; x < p->window_w; x++) {
            tap->offset = y * p->dilation_h * p->width + x * p->dilation_w;
            tap->weight = *weights++;
            tap++;
        }
    }
    ep_taps_m0 w;
    w.channel = ((const ep_m0_channel *)(const void *)p->channels)[c];
    w.taps = taps;
    w.taps_end = tap;
    w.row = plane;
    w.row_step = p->stride_h * p->width;
    w.rows = rows;
    w.row_bytes = p->out_w * p->stride_w;
    w.stride = p->stride_w;
    w.out = out;
    w.out_channels = p->in_channels * p->depth_multiplier;
    w.piece_bits = p->piece_bits;
    any(&w);
}

void ep_depthwise_conv2d_m0(const ep_depthwise_conv2d_m0_params *p, const int8_t *in, int8_t *out,
                            void *scratch, void (*window3)(ep_window3_m0 *window),
                            void (*any)(ep_taps_m0 *window))
{
    const int32_t channels = p->in_channels * p->depth_multiplier;
    ep_tap_m0 *taps = scratch;
    uint8_t *plane = window3 ? scratch : (uint8_t *)(taps + p->window_h * p->window_w);
    ep_window3_m0 w = window3_of(p, channels);
    for (int32_t y = 0; y < p->out_h; y += p->block_rows) {
        const block b = block_at(p, in, plane, y);
        const int32_t count = b.rows * p->out_w;
        int32_t until_next = 0; /* output channels that see the plane as it is */
        int32_t in_channel = 0;
        for (int32_t c = 0; c < channels; c++) {
            if (until_next == 0) {
                if (b.seen.rows > 0) {
                    ep_gather_plane_m0(&b.seen, b.from + in_channel, b.to);
                }
                in_channel++;
                until_next = p->depth_multiplier;
            }
            until_next--;
            const ep_m0_channel *channel = (const ep_m0_channel *)(const void *)p->channels + c;
            if (channel->runs == 0) {
                repeat(out + c, channels, count, (int8_t)(channel->top >> 16));
            } else if (window3) {
                set_channel(p, &w, c);
                w.row = plane;
                w.rows = b.rows;
                w.out = out + c;
                window3(&w);
            } else {
                make_any(p, taps, plane, c, b.rows, out + c, any);
            }
        }
        if (p->act_min > INT8_MIN || p->act_max < INT8_MAX) {
            clamp(p, out, count * channels);
        }
        out += count * channels;
    }
}
