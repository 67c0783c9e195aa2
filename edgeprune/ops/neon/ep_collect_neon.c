#include "ep_collect_neon.h"

#include "ep_requantize_neon.h"

enum { LANES = 16, TOGETHER = 4 };

EP_INLINE int8x16x4_t table_at(const int8_t *in)
{
    const int8x16x4_t table = {{vld1q_s8(in), vld1q_s8(in + 16), vld1q_s8(in + 32), vld1q_s8(in + 48)}};
    return table;
}

/* Some pixels, the first `offset` bytes behind where the runs begin. */
EP_INLINE void some_pixels(const ep_collect_list_neon *list, const int8_t *const *runs, int64_t offset, int64_t step,
                           int8_t *out, const int pixels)
{
    const int32_t *from = list->from;
    const uint16_t *to = list->to;
    const uint8_t *indices = list->indices;
    int8x16_t lanes[TOGETHER]; /* lookups that follow fill what one has left */
    int64_t apart[TOGETHER];
    int64_t out_apart[TOGETHER];
    EP_UNROLL for (int i = 0; i < pixels; i++) {
        lanes[i] = vdupq_n_s8(0);
        apart[i] = i * step;
        out_apart[i] = (int64_t)i * list->out_bytes;
        EP_HIDE(apart[i]);
        EP_HIDE(out_apart[i]);
    }
    for (int32_t r = 0; r < list->runs; r++) {
        const int8_t *const in = runs[r] + offset;
        EP_ROLLED for (int32_t k = list->counts[r]; k > 0; k--) {
            const uint8x16_t index = vld1q_u8(indices);
            const int8_t *const source = in + *from;
            int8_t *const target = out + *to;
            EP_UNROLL for (int i = 0; i < pixels; i++) {
                lanes[i] = vqtbx4q_s8(lanes[i], table_at(source + apart[i]), index);
                vst1q_s8(target + out_apart[i], lanes[i]);
            }
            from++;
            to++;
            indices += LANES;
        }
    }
}

void ep_collect_neon(const ep_collect_list_neon *list, const int8_t *const *runs, int64_t step, int8_t *out,
                     int32_t count)
{
    int64_t offset = 0;
    for (; count >= TOGETHER; count -= TOGETHER) {
        some_pixels(list, runs, offset, step, out, TOGETHER);
        offset += TOGETHER * step;
        out += TOGETHER * list->out_bytes;
    }
    for (; count > 0; count--) {
        some_pixels(list, runs, offset, step, out, 1);
        offset += step;
        out += list->out_bytes;
    }
}
