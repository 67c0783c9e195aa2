#include "ep_window_any_m0.h"

__attribute__((naked)) void ep_window_any_m0(__attribute__((unused)) ep_taps_m0 *window)
{
    __asm volatile(EP_M0_WINDOW_ANY(EP_M0_RISING));
}
