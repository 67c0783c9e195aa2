#include "ep_dot8_m0.h"

__attribute__((naked)) void ep_dot8_m0(__attribute__((unused)) const ep_dot8_m0_row *row)
{
    __asm volatile(EP_M0_DOT8(EP_M0_RISING));
}
