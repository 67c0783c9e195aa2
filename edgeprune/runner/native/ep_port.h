/* Opens what a server listens on. A file descriptor is returned, or -1, and stderr says why. */
#ifndef EP_PORT_H
#define EP_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EP_ADDRESS_BYTES 160u

/* `text` is HOST:PORT; other computers cannot reach it. The port that it got is put into `address`. */
int ep_port_tcp(const char *text, char address[EP_ADDRESS_BYTES]);

#define EP_PORT_INVALID (-2) /* it never can be opened: the text is wrong */

/* `text` is DEVICE or DEVICE:BAUD. `is_quiet`: say nothing when it is unplugged. */
int ep_port_serial(const char *text, bool is_quiet);

/* A socket that programs of the same user connect to; `path` may lie anywhere. */
int ep_port_local(const char *path);
int ep_port_connect_local(const char *path);

/* Writes all of `data` to the descriptor, waiting for room, but not for ever; false where it cannot. */
bool ep_port_write(int descriptor, const uint8_t *data, size_t count);

#endif
