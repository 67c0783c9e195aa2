#include "ep_pick_neon.h"

#include <arm_neon.h>

enum { LANES = 16, TABLE = 64 };

/* Where piece `at` of `piece` bytes begins: the last one ends with the whole. */
static inline int32_t start(int32_t at, int32_t piece, int32_t bytes)
{
    return at + piece > bytes ? bytes - piece : at;
}

static inline int8x16x4_t table_at(const int8_t *in)
{
    const int8x16x4_t table = {{vld1q_s8(in), vld1q_s8(in + 16), vld1q_s8(in + 32), vld1q_s8(in + 48)}};
    return table;
}

static inline int8x16_t base_at(const ep_pick_list_neon *list, int32_t at)
{
    return list->base != 0 ? vld1q_s8(list->base + at) : vdupq_n_s8(0);
}

static void pick_from_one(const ep_pick_list_neon *list, const int8_t *in, int8_t *out)
{
    const int8x16x4_t table = table_at(in);
    const uint8_t *indices = list->indices;
    for (int32_t i = 0; i < list->out_bytes; i += LANES) {
        const int32_t at = start(i, LANES, list->out_bytes);
        vst1q_s8(out + at, vqtbx4q_s8(base_at(list, at), table, vld1q_u8(indices)));
        indices += LANES;
    }
}

void ep_pick_neon(const ep_pick_list_neon *list, const int8_t *in, int8_t *out)
{
    if (list->in_bytes == TABLE) {
        pick_from_one(list, in, out);
        return;
    }
    const uint8_t *indices = list->indices;
    for (int32_t i = 0; i < list->out_bytes; i += LANES) {
        const int32_t at = start(i, LANES, list->out_bytes);
        int8x16_t result = base_at(list, at);
        for (int32_t k = 0; k < list->in_bytes; k += TABLE) {
            result = vqtbx4q_s8(result, table_at(in + start(k, TABLE, list->in_bytes)), vld1q_u8(indices));
            indices += LANES;
        }
        vst1q_s8(out + at, result);
    }
}
