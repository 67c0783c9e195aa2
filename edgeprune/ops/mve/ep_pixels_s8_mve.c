#include "ep_pixels_s8_mve.h"

#include "ep_columns_s8_mve.h"

enum { LANES = 16 };

void ep_pixels_s8_mve_run(const ep_filters_s8_mve *f, const int8_t *in, int32_t step, int32_t count,
                          int32_t depth, const int8_t *end, int8_t *out, int8_t *scratch)
{
    const int32_t reach = LANES * f->steps;
    int32_t whole = count;
    while (whole > 0 && end - in < (whole - 1) * step + reach) {
        whole--;
    }
    ep_filters_s8_mve_run(f, in, step, whole, out);
    for (int32_t i = whole; i < count; i++) {
        ep_columns_s8_mve_copy_row(scratch, in + i * step, depth);
        ep_filters_s8_mve_run(f, scratch, reach, 1, out + i * f->channels);
    }
}
