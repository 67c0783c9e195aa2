#include "ep_fully_connected_s8_dot.h"

#include "ep_filters_s8_dot.h"

void ep_fully_connected_s8_dot(const ep_fully_connected_s8_dot_params *p, const int8_t *in, int8_t *out)
{
    ep_filters_s8_dot(&p->filters, &in, p->depth, p->rows, out, p->filters.channels);
}
