/* Writes JSON into a fixed room; what no longer fits makes the whole text invalid. */
#ifndef EP_JSON_H
#define EP_JSON_H

#include <stdbool.h>
#include <stdint.h>

#define EP_JSON_BYTES 8192u

typedef struct {
    char text[EP_JSON_BYTES];
    uint32_t length;
    bool needs_comma;
    bool fits;
} ep_json;

void ep_json_begin(ep_json *json);

/* Values are members of the innermost object when `name` is given, else elements of the innermost array. */
void ep_json_open(ep_json *json, const char *name, char bracket);
void ep_json_close(ep_json *json, char bracket);
void ep_json_null(ep_json *json, const char *name);
void ep_json_text(ep_json *json, const char *name, const char *value); /* NULL: null */
void ep_json_boolean(ep_json *json, const char *name, bool value);
void ep_json_integer(ep_json *json, const char *name, int64_t value);
void ep_json_real(ep_json *json, const char *name, double value); /* three digits behind the point */

#endif
