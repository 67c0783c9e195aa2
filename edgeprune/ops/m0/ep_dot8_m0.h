#ifndef EP_DOT8_M0_H
#define EP_DOT8_M0_H

#include "ep_dot8_core_m0.h"

void ep_dot8_m0(const ep_dot8_m0_row *row);

#endif
