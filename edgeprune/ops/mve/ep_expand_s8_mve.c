#include "ep_expand_s8_mve.h"

#include <arm_mve.h>

#include "ep_columns_s8_mve.h"

enum { LANES = 16 };

/* From the last pixel to the first: none is overwritten before it has moved. */
void ep_expand_s8_mve_run(int8_t *out, int32_t count, int32_t live, int32_t channels, const int8_t *constants,
                          const uint8_t *places, int8_t *scratch)
{
    for (int32_t i = count - 1; i >= 0; i--) {
        int8_t *const pixel = out + i * channels;
        ep_columns_s8_mve_copy_row(scratch, out + i * live, live);
        ep_columns_s8_mve_copy_row(pixel, constants, channels);
        for (int32_t c = 0; c < live; c += LANES) {
            const mve_pred16_t lanes = vctp8q((uint32_t)(live - c));
            const uint8x16_t offsets = vldrbq_z_u8(places + c, lanes);
            vstrbq_scatter_offset_p_s8(pixel, offsets, vldrbq_z_s8(scratch + c, lanes), lanes);
        }
    }
}
