#define _GNU_SOURCE

#include "ep_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ep_json.h"
#include "ep_release.h"
#include "ep_server.h"

#define HEALTH "health.json"
#define PID "runner.pid"

static char root[PATH_MAX - 32];
static volatile sig_atomic_t is_stopping;
static int notify_socket = -1;
static struct sockaddr_un notify_address;
static socklen_t notify_length;

const char *ep_state_path(const char *name)
{
    static char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static bool failed(const char *path)
{
    (void)fprintf(stderr, "runner: %s: %s\n", path, strerror(errno));
    return false;
}

/* Holds runner.pid locked as long as this process lives. */
static bool take_pid(void)
{
    const char *path = ep_state_path(PID);
    char text[32];
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) {
        return failed(path);
    }
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        (void)fprintf(stderr, "runner: another runner has %s\n  hint: stop it first\n", root);
        return false;
    }
    const int count = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    return (ftruncate(file, 0) == 0 && write(file, text, (size_t)count) == count) || failed(path);
}

static void stop(int signal_number)
{
    (void)signal_number;
    is_stopping = 1;
}

static void catch_signals(void)
{
    static const int all[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = stop};
    sigset_t held;
    (void)sigemptyset(&held);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        (void)sigaddset(&held, all[i]);
        (void)sigaction(all[i], &action, NULL);
    }
    (void)sigprocmask(SIG_BLOCK, &held, NULL);
}

/* systemd's socket, if it started this: a path, or a name behind '@'. */
static void open_notify(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL || strlen(name) < 2 || strlen(name) >= sizeof notify_address.sun_path) {
        return;
    }
    notify_address.sun_family = AF_UNIX;
    (void)strcpy(notify_address.sun_path, name);
    if (name[0] == '@') {
        notify_address.sun_path[0] = '\0';
    }
    notify_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    notify_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void notify(const char *text)
{
    if (notify_socket >= 0) {
        (void)sendto(notify_socket, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&notify_address,
                     notify_length);
    }
}

bool ep_state_begin(const char *folder)
{
    if (strlen(folder) >= sizeof root) {
        (void)fprintf(stderr, "runner: the path of the state folder is too long\n");
        return false;
    }
    (void)strcpy(root, folder);
    if (mkdir(root, 0700) != 0 && errno != EEXIST) {
        return failed(root);
    }
    if (!take_pid()) {
        root[0] = '\0';
        return false;
    }
    (void)unlink(ep_state_path(HEALTH)); /* of a process that was killed */
    catch_signals();
    open_notify();
    return true;
}

static void describe(ep_json *json)
{
    char id[EP_RELEASE_ID_DIGITS + 1u];
    ep_json_begin(json);
    ep_json_open(json, NULL, '{');
    ep_json_text(json, "release", ep_release_id(id) ? id : NULL);
    ep_json_integer(json, "pid", getpid());
    ep_json_integer(json, "started", time(NULL));
    ep_json_open(json, "listening", '[');
    for (uint32_t i = 0u; ep_server_address(i) != NULL; i++) {
        ep_json_text(json, NULL, ep_server_address(i));
    }
    ep_json_close(json, ']');
    ep_json_close(json, '}');
}

bool ep_state_ready(void)
{
    static ep_json json;
    char made[PATH_MAX];
    describe(&json);
    (void)snprintf(made, sizeof made, "%s", ep_state_path("." HEALTH));
    FILE *file = fopen(made, "w");
    if (file == NULL) {
        return failed(made);
    }
    const bool is_written = fprintf(file, "%s\n", json.text) > 0;
    if (fclose(file) != 0 || !is_written || rename(made, ep_state_path(HEALTH)) != 0) {
        return failed(made);
    }
    notify("READY=1");
    return true;
}

void ep_state_alive(void)
{
    if (is_stopping != 0) {
        ep_state_exit(0);
    }
    notify("WATCHDOG=1");
}

_Noreturn void ep_state_exit(int status)
{
    if (root[0] != '\0') {
        notify("STOPPING=1");
        (void)unlink(ep_state_path(HEALTH));
        (void)unlink(ep_state_path(EP_STATE_SOCKET));
        (void)unlink(ep_state_path(PID));
    }
    exit(status);
}
