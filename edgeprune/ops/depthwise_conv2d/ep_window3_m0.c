#include "ep_window3_m0.h"

__attribute__((naked)) void ep_window3_stride1_m0(__attribute__((unused)) ep_window3_m0 *window)
{
    __asm volatile(EP_M0_WINDOW3(EP_M0_RISING, EP_M0_TRIPLE_STRIDE1));
}

__attribute__((naked)) void ep_window3_stride2_m0(__attribute__((unused)) ep_window3_m0 *window)
{
    __asm volatile(EP_M0_WINDOW3(EP_M0_RISING, EP_M0_TRIPLE_STRIDE2));
}
