#include "ep_pick_x8.h"

void ep_pick_x8(const ep_pick_x8_params *p, const void *in, void *out)
{
    const uint8_t *first = in;
    uint8_t *to = out;
    int32_t at[EP_LOOPS] = {0};
    do {
        const int32_t *table = p->offsets;
        int32_t place = p->start;
        for (int32_t d = 0; d < EP_LOOPS; d++) {
            place += table[at[d]];
            table += p->extents[d];
        }
        for (int32_t i = 0; i < p->run; i++) {
            *to++ = first[place + i];
        }
    } while (ep_loop_next(at, p->extents));
}
