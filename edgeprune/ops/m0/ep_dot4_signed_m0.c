#include "ep_dot4_signed_m0.h"

__attribute__((naked)) void ep_dot4_signed_m0(__attribute__((unused)) const ep_dot4_m0_group *group)
{
    __asm volatile(EP_M0_DOT4(EP_M0_SIGNED));
}
