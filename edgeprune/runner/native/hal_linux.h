#ifndef HAL_LINUX_H
#define HAL_LINUX_H

/* Answers the protocol until the process ends; a reset begins it anew. */
_Noreturn void ep_linux_serve(void);

#endif
