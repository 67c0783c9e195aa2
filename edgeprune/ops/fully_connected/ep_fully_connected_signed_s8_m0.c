#include "ep_fully_connected_signed_s8_m0.h"

#include "ep_dot8_signed_m0.h"

void ep_fully_connected_signed_s8_m0(const ep_fully_connected_signed_s8_m0_params *p, const int8_t *in, int8_t *out)
{
    ep_fully_connected_m0(p, in, out, ep_dot8_signed_m0);
}
