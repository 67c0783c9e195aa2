#ifndef EP_DOT4_M0_H
#define EP_DOT4_M0_H

#include "ep_dot4_core_m0.h"

void ep_dot4_m0(const ep_dot4_m0_group *group);

#endif
