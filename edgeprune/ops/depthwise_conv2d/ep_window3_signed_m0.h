#ifndef EP_WINDOW3_SIGNED_M0_H
#define EP_WINDOW3_SIGNED_M0_H

#include "ep_window3_core_m0.h"

#endif
