#define _GNU_SOURCE

#include "ep_attach.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ep_port.h"

#define LEAVE 0x1du

/* One piece from `from` to `to`; false where either ended, or LEAVE came. */
static bool carry(int from, int to)
{
    uint8_t data[4096];
    const ssize_t count = read(from, data, sizeof data);
    if (count <= 0) {
        return false;
    }
    const uint8_t *leave = from == STDIN_FILENO ? memchr(data, LEAVE, (size_t)count) : NULL;
    const size_t before = leave != NULL ? (size_t)(leave - data) : (size_t)count;
    return ep_port_write(to, data, before) && leave == NULL;
}

static void bridge(int line)
{
    struct pollfd files[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = line, .events = POLLIN}};
    for (;;) {
        if (poll(files, 2, -1) < 0) {
            continue; /* a signal */
        }
        if (files[1].revents != 0 && !carry(line, STDOUT_FILENO)) {
            return;
        }
        if (files[0].revents != 0 && !carry(STDIN_FILENO, line)) {
            return;
        }
    }
}

int ep_attach(const char *path)
{
    struct termios before;
    const bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    const int line = ep_port_connect_local(path);
    if (line < 0) {
        return 1;
    }
    if (is_terminal) {
        struct termios raw = before;
        cfmakeraw(&raw);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    bridge(line);
    if (is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
    (void)close(line);
    return 0;
}
