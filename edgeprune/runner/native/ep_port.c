#define _GNU_SOURCE

#include "ep_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define WRITE_WAIT_MS 10000 /* a host that takes nothing for so long has gone */
#define BACKLOG 8
#define LOOPBACK_NET 127u
#define USUAL_BAUD 115200ul

static int failed(const char *what, const char *name)
{
    (void)fprintf(stderr, "runner: cannot %s %s: %s\n", what, name, strerror(errno));
    return -1;
}

/* HOST:PORT, where HOST is in 127.0.0.0/8 or localhost; false otherwise. */
static bool parse_loopback(const char *text, struct sockaddr_in *address)
{
    char host[EP_ADDRESS_BYTES];
    char *end = NULL;
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof host || colon[1] < '0' || colon[1] > '9') {
        return false;
    }
    (void)memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    const unsigned long number = strtoul(colon + 1, &end, 10);
    (void)memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)number);
    const char *known = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    return *end == '\0' && number <= UINT16_MAX && inet_pton(AF_INET, known, &address->sin_addr) == 1
        && ntohl(address->sin_addr.s_addr) >> 24 == LOOPBACK_NET;
}

int ep_port_tcp(const char *text, char address[EP_ADDRESS_BYTES])
{
    struct sockaddr_in where;
    socklen_t length = sizeof where;
    const int one = 1;
    if (!parse_loopback(text, &where)) {
        (void)fprintf(stderr,
                      "runner: tcp:%s is refused: it must be 127.0.0.1:PORT, since this runner has no shared key\n"
                      "  hint: reach it through ssh -L, or use the runtime litert with --key-file\n",
                      text);
        return -1;
    }
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) {
        return failed("make a socket for", text);
    }
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (const struct sockaddr *)&where, sizeof where) != 0 || listen(listener, BACKLOG) != 0
        || getsockname(listener, (struct sockaddr *)&where, &length) != 0) {
        (void)failed("listen on", text);
        (void)close(listener);
        return -1;
    }
    char host[INET_ADDRSTRLEN];
    (void)inet_ntop(AF_INET, &where.sin_addr, host, sizeof host);
    (void)snprintf(address, EP_ADDRESS_BYTES, "tcp:%s:%u", host, (unsigned)ntohs(where.sin_port));
    return listener;
}

static speed_t speed_of(unsigned long baud)
{
    static const struct {
        unsigned long baud;
        speed_t speed;
    } speeds[] = {{9600ul, B9600},     {19200ul, B19200},   {38400ul, B38400},   {57600ul, B57600},
                  {115200ul, B115200}, {230400ul, B230400}, {460800ul, B460800}, {921600ul, B921600},
                  {1000000ul, B1000000}};
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].baud == baud) {
            return speeds[i].speed;
        }
    }
    return B0;
}

/* Bytes as they are: no echo, no lines, no signals. */
static bool make_raw(int device, speed_t speed)
{
    struct termios settings;
    if (tcgetattr(device, &settings) != 0) {
        return false;
    }
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    (void)cfsetispeed(&settings, speed);
    (void)cfsetospeed(&settings, speed);
    return tcsetattr(device, TCSANOW, &settings) == 0;
}

int ep_port_serial(const char *text, bool is_quiet)
{
    char path[EP_ADDRESS_BYTES];
    const char *colon = strrchr(text, ':');
    const size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    const speed_t speed = speed_of(colon != NULL ? strtoul(colon + 1, NULL, 10) : USUAL_BAUD);
    if (length == 0 || length >= sizeof path || speed == B0) {
        (void)fprintf(stderr, "runner: serial:%s is no DEVICE:BAUD with a usual speed\n", text);
        return EP_PORT_INVALID;
    }
    (void)memcpy(path, text, length);
    path[length] = '\0';
    const int device = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (device < 0) {
        return is_quiet ? -1 : failed("open", path);
    }
    if (!make_raw(device, speed)) {
        if (!is_quiet) {
            (void)failed("set up", path);
        }
        (void)close(device);
        return -1;
    }
    return device;
}

/* Goes to the folder of `path`, since a socket's path is short; gives the descriptor of where it was. */
static int enter_folder(const char *path, struct sockaddr_un *address)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (before < 0 || strlen(name) >= sizeof address->sun_path || strlen(path) >= sizeof folder) {
        return before;
    }
    (void)strcpy(address->sun_path, name);
    if (slash != NULL) {
        (void)memcpy(folder, path, (size_t)(slash + 1 - path));
        folder[slash + 1 - path] = '\0';
        (void)!chdir(folder);
    }
    return before;
}

static void leave_folder(int before)
{
    if (before >= 0) {
        (void)!fchdir(before);
        (void)close(before);
    }
}

int ep_port_local(const char *path)
{
    struct sockaddr_un address;
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int before = enter_folder(path, &address);
    (void)unlink(address.sun_path); /* of a process that was killed: the lock says that there is no other */
    const mode_t mask = umask(S_IRWXG | S_IRWXO);
    const bool is_open = listener >= 0
        && bind(listener, (const struct sockaddr *)&address, sizeof address) == 0
        && listen(listener, BACKLOG) == 0;
    if (!is_open) {
        (void)failed("listen on", path);
    }
    (void)umask(mask);
    leave_folder(before);
    if (!is_open && listener >= 0) {
        (void)close(listener);
    }
    return is_open ? listener : -1;
}

int ep_port_connect_local(const char *path)
{
    struct sockaddr_un address;
    const int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int before = enter_folder(path, &address);
    const bool is_open = line >= 0 && connect(line, (const struct sockaddr *)&address, sizeof address) == 0;
    if (!is_open) {
        (void)failed("reach", path);
    }
    leave_folder(before);
    if (!is_open && line >= 0) {
        (void)close(line);
    }
    return is_open ? line : -1;
}

bool ep_port_write(int descriptor, const uint8_t *data, size_t count)
{
    while (count > 0) {
        const ssize_t written = write(descriptor, data, count);
        if (written > 0) {
            data += written;
            count -= (size_t)written;
            continue;
        }
        struct pollfd room = {.fd = descriptor, .events = POLLOUT};
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN || poll(&room, 1, WRITE_WAIT_MS) != 1) {
            return false;
        }
    }
    return true;
}
