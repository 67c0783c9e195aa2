#include "ep_fully_connected_s8_neon.h"

#include "ep_filters_s8_neon.h"

void ep_fully_connected_s8_neon(const ep_fully_connected_s8_neon_params *p, const int8_t *in, int8_t *out)
{
    ep_filters_s8_neon(&p->filters, &in, p->depth, p->rows, out, p->filters.channels);
}
