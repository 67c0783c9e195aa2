/* The firmware around the network: answers the serial protocol for ever. */
#ifndef EP_RUNNER_H
#define EP_RUNNER_H

#include <stdint.h>

_Noreturn void ep_runner(void);

/* After a crash at `address`: report it, then refuse everything but a reset. */
_Noreturn void ep_runner_fault(uint32_t address);

#endif
