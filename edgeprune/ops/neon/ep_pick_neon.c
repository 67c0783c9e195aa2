#include "ep_pick_neon.h"

#include "ep_requantize_neon.h"

enum { LANES = 16, TABLE = 64, MOST_TABLES = 4 };

EP_INLINE int8x16x4_t table_at(const int8_t *in)
{
    const int8x16x4_t table = {{vld1q_s8(in), vld1q_s8(in + 16), vld1q_s8(in + 32), vld1q_s8(in + 48)}};
    return table;
}

/* Where table `number` begins: the last one ends with the input. */
EP_INLINE int32_t table_begin(const ep_pick_list_neon *list, int32_t number)
{
    const int32_t last = list->in_bytes - TABLE;
    return number * TABLE < last ? number * TABLE : last;
}

/* Sixteen bytes of the output, of which `at` is the first; the tables are in registers. */
EP_INLINE void pick_vector(const ep_pick_list_neon *list, const int8x16x4_t *table, const uint8_t *indices,
                           int8_t *out, int64_t at, const int tables)
{
    int8x16_t result = vld1q_s8(list->base + at);
    EP_UNROLL for (int i = 0; i < tables; i++) {
        result = vqtbx4q_s8(result, table[i], vld1q_u8(indices + LANES * i));
    }
    vst1q_s8(out + at, result);
}

EP_INLINE void pick_pixel(const ep_pick_list_neon *list, const int8_t *in, int8_t *out, const int tables)
{
    const uint8_t *indices = list->indices;
    const int64_t last = list->out_bytes - LANES;
    int8x16x4_t table[MOST_TABLES];
    EP_UNROLL for (int i = 0; i < tables; i++) {
        table[i] = table_at(in + table_begin(list, i));
    }
    for (int64_t at = 0; at < last; at += LANES) {
        pick_vector(list, table, indices, out, at, tables);
        indices += LANES * tables;
    }
    pick_vector(list, table, indices, out, last, tables);
}

EP_INLINE void pick_pixels(const ep_pick_list_neon *list, const int8_t *in, int64_t in_step, int8_t *out,
                           int64_t out_step, int32_t count, const int tables)
{
    for (; count > 0; count--) {
        pick_pixel(list, in, out, tables);
        in += in_step;
        out += out_step;
    }
}

void ep_pick_neon(const ep_pick_list_neon *list, const int8_t *in, int64_t in_step, int8_t *out, int64_t out_step,
                  int32_t count)
{
    if (list->in_bytes == TABLE) {
        pick_pixels(list, in, in_step, out, out_step, count, 1);
    } else if (list->in_bytes <= 2 * TABLE) {
        pick_pixels(list, in, in_step, out, out_step, count, 2);
    } else if (list->in_bytes <= 3 * TABLE) {
        pick_pixels(list, in, in_step, out, out_step, count, 3);
    } else {
        pick_pixels(list, in, in_step, out, out_step, count, MOST_TABLES);
    }
}
