#include "ep_rows_neon.h"

#include <arm_neon.h>

void ep_copy_neon(int8_t *to, const int8_t *from, int32_t count)
{
    const int32_t total = count;
    for (; count >= 32; count -= 32) {
        const int8x16_t first = vld1q_s8(from);
        const int8x16_t second = vld1q_s8(from + 16);
        vst1q_s8(to, first);
        vst1q_s8(to + 16, second);
        to += 32;
        from += 32;
    }
    if (total >= 16) { /* the end again, with what is before it */
        if (count > 16) {
            vst1q_s8(to, vld1q_s8(from));
        }
        if (count > 0) {
            vst1q_s8(to + count - 16, vld1q_s8(from + count - 16));
        }
        return;
    }
    for (; count > 0; count--) {
        *to++ = *from++;
    }
}

void ep_fill_neon(int8_t *to, int8_t value, int32_t count)
{
    const int8x16_t values = vdupq_n_s8(value);
    for (; count >= 16; count -= 16) {
        vst1q_s8(to, values);
        to += 16;
    }
    for (; count > 0; count--) {
        *to++ = value;
    }
}

void ep_rows_neon_begin(ep_rows_neon *rows)
{
    ep_fill_neon(rows->ring, rows->zero_point, rows->slots * rows->row_bytes + 16);
    rows->next = 0;
}

void ep_rows_neon_advance(ep_rows_neon *rows, int32_t end)
{
    const int32_t room = rows->row_bytes - rows->left_bytes;
    const int32_t bytes = rows->in_bytes < room ? rows->in_bytes : room;
    int32_t row = end - rows->slots > rows->next ? end - rows->slots : rows->next;
    for (; row < end; row++) {
        int8_t *to = rows->ring + (int64_t)(row % rows->slots) * rows->row_bytes;
        const int32_t y = row - rows->pad_top;
        if (y < 0 || y >= rows->in_h) {
            ep_fill_neon(to, rows->zero_point, rows->row_bytes);
        } else if (bytes > 0) {
            ep_copy_neon(to + rows->left_bytes, rows->in + (int64_t)y * rows->in_bytes, bytes);
        }
    }
    rows->next = end;
}
