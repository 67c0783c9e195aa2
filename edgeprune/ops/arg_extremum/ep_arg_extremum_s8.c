#include "ep_arg_extremum_s8.h"

static int32_t place_in(const ep_arg_extremum_s8_params *p, const int8_t *in)
{
    int8_t found = in[0];
    int32_t place = 0;
    for (int32_t i = 1; i < p->count; i++) {
        const int8_t x = in[i * p->inner];
        if (p->is_maximum ? x > found : x < found) {
            found = x;
            place = i;
        }
    }
    return place;
}

void ep_arg_extremum_s8(const ep_arg_extremum_s8_params *p, const int8_t *in, int32_t *out)
{
    for (int32_t i = 0; i < p->outer; i++) {
        for (int32_t k = 0; k < p->inner; k++) {
            *out++ = place_in(p, in + i * p->count * p->inner + k);
        }
    }
}
