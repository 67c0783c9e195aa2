#include "ep_fully_connected_s8_mve.h"

#include "ep_pixels_s8_mve.h"

void ep_fully_connected_s8_mve(const ep_fully_connected_s8_mve_params *p, const int8_t *in, int8_t *out,
                               void *scratch)
{
    const ep_filters_s8_mve filters = {p->packed,  p->steps,   p->channels, p->zero_point,
                                       p->act_min, p->act_max, p->rounding};
    ep_pixels_s8_mve_run(&filters, in, p->depth, p->rows, p->depth, in + p->rows * p->depth, out, scratch);
}
