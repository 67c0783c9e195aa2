#include "ep_columns_s8_mve.h"

#include <arm_mve.h>

enum { LANES = 16 };

/* 16 bytes of each pixel, the first of them. */
static void copy_lanes(int8_t *to, int32_t apart, const int8_t *from, int32_t count, int32_t bytes)
{
    for (int32_t i = 0; i < count; i++) {
        vstrbq_s8(to, vldrbq_s8(from));
        from += bytes;
        to += apart;
    }
}

static void copy_bytes(int8_t *to, int32_t apart, const int8_t *from, int32_t count, int32_t bytes, int32_t some)
{
    const mve_pred16_t lanes = vctp8q((uint32_t)some);
    for (int32_t i = 0; i < count; i++) {
        vstrbq_p_s8(to, vldrbq_z_s8(from, lanes), lanes);
        from += bytes;
        to += apart;
    }
}

/* Lanes behind the last whole pixel of a vector bring the beginning of the next one, which is right too. */
void ep_columns_s8_mve_scatter(int8_t *to, int32_t apart, const int8_t *from, int32_t count, int32_t bytes,
                               const uint8_t *places)
{
    const uint8x16_t offsets = vldrbq_u8(places);
    const int32_t together = LANES / bytes;
    const int32_t piece = together * bytes;
    const int32_t step = together * apart;
    int32_t rest = count * bytes;
    for (; rest >= LANES; rest -= piece) {
        vstrbq_scatter_offset_s8(to, offsets, vldrbq_s8(from));
        from += piece;
        to += step;
    }
    const mve_pred16_t lanes = vctp8q((uint32_t)rest);
    vstrbq_scatter_offset_p_s8(to, offsets, vldrbq_z_s8(from, lanes), lanes);
}

void ep_columns_s8_mve_copy(int8_t *to, int32_t apart, const int8_t *from, int32_t count, int32_t bytes)
{
    int32_t done = 0;
    for (; done + LANES <= bytes; done += LANES) {
        copy_lanes(to + done, apart, from + done, count, bytes);
    }
    if (done < bytes) {
        copy_bytes(to + done, apart, from + done, count, bytes, bytes - done);
    }
}

void ep_columns_s8_mve_copy_row(int8_t *to, const int8_t *from, int32_t bytes)
{
    for (; bytes > 0; bytes -= LANES) {
        const mve_pred16_t lanes = vctp8q((uint32_t)bytes);
        vstrbq_p_s8(to, vldrbq_z_s8(from, lanes), lanes);
        to += LANES;
        from += LANES;
    }
}

void ep_columns_s8_mve_fill(int8_t *to, int32_t apart, int8_t value, int32_t count, int32_t bytes)
{
    const int8x16_t values = vdupq_n_s8(value);
    for (int32_t i = 0; i < count; i++) {
        for (int32_t k = 0; k < bytes; k += LANES) {
            vstrbq_p_s8(to + k, values, vctp8q((uint32_t)(bytes - k)));
        }
        to += apart;
    }
}
