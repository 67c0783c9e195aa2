/* JSON documents that the device makes when they are asked for, and that are fetched in pieces. */
#ifndef EP_DOCUMENT_H
#define EP_DOCUMENT_H

#include <stdint.h>

#include "ep_json.h"
#include "ep_wire.h"

/* Handlers of two commands, as those in ep_runner.c. */
const char *on_document(const ep_document_request *request, ep_document_reply *reply, uint32_t *detail);
const char *on_fetch(const ep_fetch_request *request, ep_fetch_reply *reply, uint32_t *detail);

/* The document "system": what computer this is and how it is. A member that it cannot tell is null. */
void ep_system_describe(ep_json *json);

/* How long the network took to load; the system's document tells it. */
void ep_system_loaded(double milliseconds);

#endif
