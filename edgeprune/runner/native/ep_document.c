#include "ep_document.h"

#include <string.h>

#include "ep_crc32.h"

#define SYSTEM "system"

/* The one document that is ready. */
static ep_json ready;

const char *on_document(const ep_document_request *request, ep_document_reply *reply, uint32_t *detail)
{
    (void)detail;
    if (strcmp(request->title, SYSTEM) != 0) {
        return EP_NAK_NO_DOCUMENT;
    }
    ep_system_describe(&ready);
    if (!ready.fits) {
        ready.length = 0u;
        return EP_NAK_NO_DOCUMENT;
    }
    reply->length = ready.length;
    reply->crc = ep_crc32(0u, (const uint8_t *)ready.text, ready.length);
    return NULL;
}

const char *on_fetch(const ep_fetch_request *request, ep_fetch_reply *reply, uint32_t *detail)
{
    if (ready.length == 0u || strcmp(request->title, SYSTEM) != 0) {
        return EP_NAK_NO_DOCUMENT;
    }
    if (request->length == 0u || request->length > EP_WIRE_CHUNK_BYTES || request->offset > ready.length
        || request->length > ready.length - request->offset) {
        *detail = ready.length;
        return EP_NAK_BAD_OFFSET;
    }
    reply->offset = request->offset;
    reply->data = (const uint8_t *)ready.text + request->offset;
    reply->data_bytes = request->length;
    return NULL;
}
