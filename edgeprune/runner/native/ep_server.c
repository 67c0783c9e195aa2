#define _GNU_SOURCE

#include "ep_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ep_port.h"
#include "ep_state.h"
#include "ep_wire.h"

#define PORTS 16
#define NOBODY (-1)
#define HOLD_MS 10000 /* whoever is silent for so long lets others in: a serial line never ends */
#define RETRY_MS 1000        /* a serial device that was unplugged is looked for so often */

typedef enum { FREE, LISTENER, CLIENT, SERIAL, STDIO } port_kind;

typedef struct {
    port_kind kind;
    int in; /* -1: a serial device that is unplugged */
    int out;
    bool has_begun_line; /* that nobody will answer but with "busy" */
    char address[EP_ADDRESS_BYTES];
} port;

static port ports[PORTS];
static int holder = NOBODY;
static int64_t held_since_ms;
static int64_t heard_ms;

static uint8_t input[4096];
static size_t input_at;
static size_t input_end;
static uint8_t output[4096];
static size_t output_count;
static int speaker = -1; /* where output goes; -1: nowhere */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return 1000 * (int64_t)now.tv_sec + now.tv_nsec / 1000000;
}

static port *new_port(port_kind kind, int in, int out)
{
    for (int i = 0; i < PORTS; i++) {
        if (ports[i].kind == FREE) {
            ports[i] = (port){.kind = kind, .in = in, .out = out};
            return &ports[i];
        }
    }
    return NULL;
}

static bool add_port(port_kind kind, int descriptor, const char *address)
{
    if (descriptor < 0) {
        return false;
    }
    port *made = new_port(kind, descriptor, descriptor);
    if (made == NULL) {
        (void)fprintf(stderr, "runner: more than %d lines\n", PORTS);
        (void)close(descriptor);
        return false;
    }
    (void)snprintf(made->address, sizeof made->address, "%s", address);
    return true;
}

/* A device that is not there now is looked for again and again. */
static bool listen_serial(const char *address)
{
    const int device = ep_port_serial(address + 7, false);
    port *made = device == EP_PORT_INVALID ? NULL : new_port(SERIAL, device, device);
    if (made == NULL) {
        return false;
    }
    (void)snprintf(made->address, sizeof made->address, "%s", address);
    return true;
}

bool ep_server_listen(const char *address)
{
    char found[EP_ADDRESS_BYTES];
    if (strncmp(address, "tcp:", 4) == 0) {
        return add_port(LISTENER, ep_port_tcp(address + 4, found), found);
    }
    if (strncmp(address, "serial:", 7) == 0 && strlen(address) < EP_ADDRESS_BYTES) {
        return listen_serial(address);
    }
    (void)fprintf(stderr, "runner: cannot listen on %s: tcp:127.0.0.1:PORT or serial:DEVICE[:BAUD]\n", address);
    return false;
}

bool ep_server_listen_local(const char *path)
{
    return add_port(LISTENER, ep_port_local(path), "");
}

bool ep_server_use_stdio(void)
{
    return new_port(STDIO, STDIN_FILENO, STDOUT_FILENO) != NULL;
}

const char *ep_server_address(uint32_t index)
{
    for (int i = 0; i < PORTS; i++) {
        if (ports[i].kind != FREE && ports[i].in >= 0 && ports[i].address[0] != '\0') {
            if (index == 0u) {
                return ports[i].address;
            }
            index--;
        }
    }
    return NULL;
}

static bool is_holder(const port *p)
{
    return holder != NOBODY && p == &ports[holder];
}

/* The holder lets go. The runner's line ends, and what it says to that is heard by nobody. */
static void release(void)
{
    holder = NOBODY;
    speaker = -1;
    output_count = 0;
    input[0] = (uint8_t)'\n';
    input_at = 0;
    input_end = 1;
}

static void shut(port *p)
{
    const bool was_holder = is_holder(p);
    (void)close(p->in);
    p->in = -1;
    if (p->kind == STDIO) {
        ep_state_exit(0);
    }
    if (p->kind != SERIAL) {
        p->kind = FREE;
    }
    if (was_holder) {
        release();
    }
}

void ep_server_flush(void)
{
    const size_t count = output_count;
    output_count = 0;
    heard_ms = now_ms(); /* that the network took long is not the host's silence */
    if (speaker >= 0 && count > 0 && !ep_port_write(speaker, output, count)) {
        speaker = -1; /* reading will find the line's end */
    }
}

void ep_server_write(uint8_t byte)
{
    if (output_count == sizeof output) {
        ep_server_flush();
    }
    output[output_count] = byte;
    output_count++;
}

static void say_busy(const port *p)
{
    const int holding = speaker;
    const int64_t heard = heard_ms;
    speaker = p->out;
    ep_put_begin('!', 0u, "nak");
    ep_put_word("code", EP_NAK_BUSY);
    ep_put_u32("detail", (uint32_t)((now_ms() - held_since_ms) / 1000));
    ep_put_end();
    speaker = holding;
    heard_ms = heard;
}

/* Each line of somebody who has to wait is answered with "busy". */
static void turn_away(port *p, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (data[i] != (uint8_t)'\n') {
            p->has_begun_line = p->has_begun_line || data[i] != (uint8_t)'\r';
        } else if (p->has_begun_line) {
            p->has_begun_line = false;
            say_busy(p);
        }
    }
}

static void hear(port *p)
{
    uint8_t others[1024];
    if (holder != NOBODY && !is_holder(p) && now_ms() - heard_ms >= HOLD_MS) {
        release();
        return; /* what was said now is heard the next time */
    }
    if (holder == NOBODY) {
        holder = (int)(p - ports);
        held_since_ms = now_ms();
        speaker = p->out;
        p->has_begun_line = false;
    }
    const bool has_it = is_holder(p);
    const ssize_t count = has_it ? read(p->in, input, sizeof input) : read(p->in, others, sizeof others);
    if (count <= 0) {
        if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            shut(p);
        }
        return;
    }
    if (has_it) {
        heard_ms = now_ms();
        input_at = 0;
        input_end = (size_t)count;
    } else {
        turn_away(p, others, (size_t)count);
    }
}

static void take_client(const port *listener)
{
    const int one = 1;
    const int line = accept4(listener->in, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (line < 0) {
        return;
    }
    (void)setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* no effect on a local socket */
    if (new_port(CLIENT, line, line) == NULL) {
        (void)close(line);
    }
}

/* Opens serial devices that were unplugged, if they are there again. */
static void look_for_devices(void)
{
    static int64_t looked_ms;
    if (now_ms() - looked_ms < RETRY_MS) {
        return;
    }
    looked_ms = now_ms();
    for (int i = 0; i < PORTS; i++) {
        if (ports[i].kind == SERIAL && ports[i].in < 0) {
            ports[i].in = ep_port_serial(ports[i].address + strlen("serial:"), true);
            ports[i].out = ports[i].in;
        }
    }
}

/* Waits for the next thing to happen on any line, and deals with it. */
static void serve_lines(void)
{
    struct pollfd files[PORTS];
    sigset_t nothing;
    struct timespec wait = {.tv_sec = RETRY_MS / 1000};
    look_for_devices();
    for (int i = 0; i < PORTS; i++) {
        files[i] = (struct pollfd){.fd = ports[i].kind == FREE ? -1 : ports[i].in, .events = POLLIN};
    }
    (void)sigemptyset(&nothing);
    const int ready = ppoll(files, PORTS, &wait, &nothing);
    ep_state_alive();
    for (int i = 0; i < PORTS && ready > 0; i++) {
        if (files[i].revents == 0 || ports[i].kind == FREE || ports[i].in != files[i].fd) {
            continue;
        }
        if (ports[i].kind == LISTENER) {
            take_client(&ports[i]);
        } else if (input_at == input_end || (holder != NOBODY && !is_holder(&ports[i]))) {
            hear(&ports[i]);
        }
    }
}

uint8_t ep_server_read(void)
{
    while (input_at == input_end) {
        serve_lines();
    }
    const uint8_t byte = input[input_at];
    input_at++;
    return byte;
}
