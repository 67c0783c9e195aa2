/* The state folder of a running service: one process at a time, and signs that it is well. */
#ifndef EP_STATE_H
#define EP_STATE_H

#include <stdbool.h>

/* In the folder: where `attach` finds the service. */
#define EP_STATE_SOCKET "attach.sock"

/* Makes the folder, takes it and writes runner.pid; stderr says why it cannot. From then on signals that
   end a process are heard in ppoll alone. */
bool ep_state_begin(const char *folder);

/* The path of a file in the folder. */
const char *ep_state_path(const char *name);

/* The network runs: writes health.json and tells systemd. */
bool ep_state_ready(void);

/* Called at least once a second: tells systemd, or ends the process when a signal asked for that. */
void ep_state_alive(void);

/* Removes the files, and ends. */
_Noreturn void ep_state_exit(int status);

#endif
