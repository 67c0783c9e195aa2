#include "ep_depthwise3_dsp.h"

#include "ep_clamp_dsp.h"
#include "ep_math.h"

/* The assembly of naked functions takes its arguments from registers. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* A chunk of channels of the image. */
typedef struct {
    const ep_depthwise3_dsp_params *p;
    const int8_t *in;
    int8_t *outside; /* the zero point for each channel */
    int32_t *pairs;
    int32_t columns;
    int32_t count; /* of channels */
} image;

/* Two rows of pixels, one above the other, to pairs: four channels at a time. `step`: bytes from a
 * channel's pairs to the next one's. `back`: channels that the last four have in common with those
 * before. upper_step and lower_step: from the end of a pixel's channels to the next pixel's. */
__attribute__((naked)) static void take_apart(const int8_t *upper, const int8_t *lower, int32_t *to,
                                              int32_t step, int32_t pixels, int32_t groups, int32_t back,
                                              int32_t upper_step, int32_t lower_step)
{
    __asm("push  {r4-r11, lr}\n"
          "add   r4, r3, r3, lsl #1\n"
          "ldr   lr, [sp, #36]\n"
          "1:\n"
          "ldr   r5, [sp, #40]\n"
          "mov   r6, r2\n"
          "2:\n"
          "ldr   r7, [r0], #4\n"
          "ldr   r8, [r1], #4\n"
          "sxtb16 r9, r7\n"
          "sxtb16 r10, r8\n"
          "sxtb16 r7, r7, ror #8\n"
          "sxtb16 r8, r8, ror #8\n"
          "pkhbt r11, r9, r10, lsl #16\n"
          "pkhtb r9, r10, r9, asr #16\n"
          "pkhbt r10, r7, r8, lsl #16\n"
          "pkhtb r7, r8, r7, asr #16\n"
          "str   r11, [r6]\n"
          "str   r10, [r6, r3]\n"
          "str   r9, [r6, r3, lsl #1]\n"
          "str   r7, [r6, r4]\n"
          "add   r6, r6, r3, lsl #2\n"
          "subs  r5, r5, #1\n"
          "bgt   2b\n"
          "bmi   3f\n"
          "ldr   r7, [sp, #44]\n" /* the last four channels, unless they are done */
          "cbz   r7, 3f\n"
          "sub   r0, r0, r7\n"
          "sub   r1, r1, r7\n"
          "mls   r6, r7, r3, r6\n"
          "b     2b\n"
          "3:\n"
          "ldrd  r7, r8, [sp, #48]\n"
          "add   r0, r0, r7\n"
          "add   r1, r1, r8\n"
          "adds  r2, r2, #8\n"
          "subs  lr, lr, #1\n"
          "bne   1b\n"
          "pop   {r4-r11, pc}\n");
}

static int32_t twice(int32_t value)
{
    return (int32_t)((uint32_t)value << 16 | ((uint32_t)value & 0xFFFFu));
}

/* The pairs of rows y and y + 1 of the image into one of the columns' halves. */
static void read_rows(const image *m, int32_t y, int32_t half)
{
    const ep_depthwise3_dsp_params *p = m->p;
    const int32_t channels = p->channels;
    const int32_t pixels = ep_min(p->in_w, m->columns - p->pad_left);
    const int32_t others = channels - m->count;
    const int has_upper = y >= 0 && y < p->in_h;
    const int has_lower = y + 1 >= 0 && y + 1 < p->in_h;
    const int8_t *upper = has_upper ? m->in + y * p->in_w * channels : m->outside;
    const int8_t *lower = has_lower ? m->in + (y + 1) * p->in_w * channels : m->outside;
    const int32_t back = -m->count & 3;
    int32_t *column = m->pairs + 2 * p->pad_left + half;
    take_apart(upper, lower, column, 8 * m->columns, pixels, m->count / 4, back,
               has_upper ? others : -m->count, has_lower ? others : -m->count);
}

/* What is left, right, above and below of the image. */
static void fill_outside(const image *m)
{
    const ep_depthwise3_dsp_params *p = m->p;
    const int32_t zero_point = twice(p->in_zero_point);
    const int32_t left = 2 * p->pad_left;
    const int32_t right = 2 * (p->pad_left + p->in_w);
    const int32_t end = 2 * m->columns;
    int32_t *pairs = m->pairs;
    for (int32_t c = 0; c < m->count; c++) {
        m->outside[c] = (int8_t)p->in_zero_point;
        for (int32_t i = 0; i < left; i++) {
            pairs[i] = zero_point;
        }
        for (int32_t i = right; i < end; i++) {
            pairs[i] = zero_point;
        }
        pairs += 2 * m->columns;
    }
}

/* All rows of outputs of a chunk, which begins at `to`. */
static void do_chunk(const image *m, const ep_depthwise3_table rows, const int32_t *records, int8_t *to)
{
    const ep_depthwise3_dsp_params *p = m->p;
    const int32_t row_bytes = p->out_w * p->channels;
    const int32_t together = 3 - p->stride;
    int32_t half = 0;
    read_rows(m, -p->pad_top, 0);
    for (int32_t y = 0; y < p->out_h; y += together) {
        read_rows(m, y * p->stride - p->pad_top + 2, !half);
        rows[p->stride - 1][half](records, m->pairs, to, m->count, 8 * m->columns,
                                  p->out_w / 2 * 16 * p->stride, p->out_w % 2,
                                  y + 1 < p->out_h ? row_bytes : 0, p->channels);
        half = !half;
        to += together * row_bytes;
    }
}

void ep_depthwise3_dsp(const ep_depthwise3_dsp_params *p, const ep_depthwise3_table rows,
                       int32_t record_words, const int8_t *in, int8_t *out, void *scratch)
{
    image m = {p, in, scratch, scratch, (p->out_w - 1) * p->stride + 3, 0};
    int32_t count;
    for (int32_t c = 0; c < p->channels; c += count) {
        const int32_t left = p->channels - c;
        count = left < p->chunk + 4 ? left : p->chunk;
        if (count != m.count) {
            m.count = count;
            m.outside = (int8_t *)scratch + 8 * m.columns * count;
            fill_outside(&m);
        }
        m.in = in + c;
        do_chunk(&m, rows, p->records + c * record_words, out + c);
    }
    ep_clamp_dsp(out, p->out_h * p->out_w * p->channels, p->act_min, p->act_max);
}
