#ifndef EP_WINDOW_ANY_SIGNED_M0_H
#define EP_WINDOW_ANY_SIGNED_M0_H

#include "ep_window_any_core_m0.h"

void ep_window_any_signed_m0(ep_taps_m0 *window);

#endif
