/* The command line of the runner. */
#define _GNU_SOURCE

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ep_attach.h"
#include "ep_document.h"
#include "ep_hal.h"
#include "ep_server.h"
#include "ep_state.h"
#include "ep_trial.h"
#include "hal_linux.h"
#include "model.h"

#define STATUS_USAGE 2
#define ADDRESSES 8
#define MOST_RUNS 1000000ul

static const char usage[] =
    "usage: runner serve --stdio\n"
    "       runner serve --state DIR --listen tcp:127.0.0.1:PORT --listen serial:DEVICE[:BAUD]\n"
    "       runner check\n"
    "       runner attach --state DIR\n"
    "       runner bench RUNS\n";

typedef struct {
    bool is_stdio;
    const char *state;
    const char *addresses[ADDRESSES];
    size_t address_count;
} options;

static int refuse(const char *why)
{
    (void)fprintf(stderr, "runner: %s\n%s", why, usage);
    return STATUS_USAGE;
}

/* The options behind the command; NULL, or what is wrong. */
static const char *read_options(int count, char **words, options *o)
{
    for (int i = 0; i < count; i++) {
        const bool has_value = i + 1 < count;
        if (strcmp(words[i], "--stdio") == 0) {
            o->is_stdio = true;
        } else if (strcmp(words[i], "--state") == 0 && has_value) {
            o->state = words[++i];
        } else if (strcmp(words[i], "--listen") == 0 && has_value && o->address_count < ADDRESSES) {
            o->addresses[o->address_count++] = words[++i];
        } else if (strcmp(words[i], "--key-file") == 0) {
            return "--key-file: this runner has no shared key, it only listens on 127.0.0.1";
        } else {
            return "unknown option, a value is missing, or too many --listen";
        }
    }
    return NULL;
}

/* Loads the network and runs it once. */
static double load(void)
{
    ep_counters begin;
    ep_counters end;
    ep_hal_counters(&begin);
    ep_model_reset();
    ep_hal_counters(&end);
    const double milliseconds = (double)(end.cycles - begin.cycles) / 1e6;
    ep_system_loaded(milliseconds);
    (void)ep_trial_run();
    return milliseconds;
}

static int serve_state(const options *o)
{
    char local[4096];
    if (!ep_state_begin(o->state)) {
        return 1;
    }
    (void)snprintf(local, sizeof local, "%s", ep_state_path(EP_STATE_SOCKET));
    if (!ep_server_listen_local(local)) { /* Android's rules may forbid such files: the rest works without */
        (void)fprintf(stderr, "runner: `attach` will not find this service\n");
    }
    bool is_open = true;
    for (size_t i = 0; i < o->address_count && is_open; i++) {
        is_open = ep_server_listen(o->addresses[i]);
    }
    if (is_open) {
        (void)load();
        is_open = ep_state_ready();
    }
    if (!is_open) {
        ep_state_exit(1);
    }
    ep_linux_serve();
}

static int serve(const options *o)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (o->is_stdio && o->state == NULL && o->address_count == 0) {
        (void)load();
        (void)ep_server_use_stdio();
        ep_linux_serve();
    }
    if (o->is_stdio || o->state == NULL) {
        return refuse("serve takes --stdio, or --state and --listen");
    }
    return serve_state(o);
}

static int check(void)
{
    (void)printf("{\"ok\":true,\"load_ms\":%.3f}\n", load());
    return 0;
}

static int bench(const char *text)
{
    char *end = NULL;
    const unsigned long runs = strtoul(text, &end, 10);
    if (*end != '\0' || runs < 1u || runs > MOST_RUNS) {
        return refuse("bench takes the number of runs, 1 to 1000000");
    }
    (void)load();
    return ep_trial_bench((uint32_t)runs);
}

static int attach(const options *o)
{
    char path[4096];
    if (o->state == NULL || o->is_stdio || o->address_count != 0) {
        return refuse("attach takes --state");
    }
    (void)snprintf(path, sizeof path, "%s/" EP_STATE_SOCKET, o->state);
    return ep_attach(path);
}

int main(int count, char **words)
{
    options o = {0};
    const char *command = count > 1 ? words[1] : "";
    if (strcmp(command, "bench") == 0 && count == 3) {
        return bench(words[2]);
    }
    const char *wrong = read_options(count - 2, words + 2, &o);
    if (wrong != NULL) {
        return refuse(wrong);
    }
    if (strcmp(command, "serve") == 0) {
        return serve(&o);
    }
    if (strcmp(command, "check") == 0 && count == 2) {
        return check();
    }
    if (strcmp(command, "attach") == 0) {
        return attach(&o);
    }
    return refuse("serve, check, attach or bench?");
}
