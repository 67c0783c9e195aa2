/* The UART of Arm's Cortex-M System Design Kit (DDI 0479, "APB UART"). */
#ifndef UART_CMSDK_H
#define UART_CMSDK_H

#include <stdint.h>

void uart_init(void);
uint8_t uart_read(void);
void uart_write(uint8_t byte);

#endif
