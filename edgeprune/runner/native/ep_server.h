/* Lines to the host: standard input and output, TCP on this computer, serial devices, and a socket in the
   state folder. One of them at a time has the device; the others are told that it is busy. */
#ifndef EP_SERVER_H
#define EP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

/* Each says on stderr what is wrong where it returns false. */
bool ep_server_listen(const char *address); /* "tcp:127.0.0.1:7311", "serial:/dev/serial0:115200" */
bool ep_server_listen_local(const char *path);
bool ep_server_use_stdio(void);

/* Address `index` that is open, as others reach it, a port of 0 replaced; NULL behind the last. */
const char *ep_server_address(uint32_t index);

/* As ep_hal_read and its kin, on the line that has the device. Reading ends the process when it was told
   to stop, or when standard input ends. */
uint8_t ep_server_read(void);
void ep_server_write(uint8_t byte);
void ep_server_flush(void);

#endif
