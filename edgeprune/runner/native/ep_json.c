#include "ep_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_BYTES 48

static void put(ep_json *json, const char *text)
{
    const uint32_t count = (uint32_t)strlen(text);
    if (count >= EP_JSON_BYTES - json->length) {
        json->fits = false;
        return;
    }
    (void)memcpy(json->text + json->length, text, count + 1u);
    json->length += count;
}

static void put_quoted(ep_json *json, const char *text)
{
    put(json, "\"");
    for (const char *at = text; *at != '\0'; at++) {
        const unsigned char c = (unsigned char)*at;
        char one[8] = {(char)c, '\0'};
        if (c == '"' || c == '\\') {
            one[0] = '\\';
            one[1] = (char)c;
            one[2] = '\0';
        } else if (c < 0x20u) {
            (void)snprintf(one, sizeof one, "\\u%04x", c);
        }
        put(json, one);
    }
    put(json, "\"");
}

static void put_value(ep_json *json, const char *name, const char *value)
{
    if (json->needs_comma) {
        put(json, ",");
    }
    if (name != NULL) {
        put_quoted(json, name);
        put(json, ":");
    }
    put(json, value);
    json->needs_comma = true;
}

void ep_json_begin(ep_json *json)
{
    json->text[0] = '\0';
    json->length = 0u;
    json->needs_comma = false;
    json->fits = true;
}

void ep_json_open(ep_json *json, const char *name, char bracket)
{
    const char text[2] = {bracket, '\0'};
    put_value(json, name, text);
    json->needs_comma = false;
}

void ep_json_close(ep_json *json, char bracket)
{
    const char text[2] = {bracket, '\0'};
    put(json, text);
    json->needs_comma = true;
}

void ep_json_null(ep_json *json, const char *name)
{
    put_value(json, name, "null");
}

void ep_json_text(ep_json *json, const char *name, const char *value)
{
    if (value == NULL) {
        ep_json_null(json, name);
        return;
    }
    put_value(json, name, "");
    put_quoted(json, value);
}

void ep_json_boolean(ep_json *json, const char *name, bool value)
{
    put_value(json, name, value ? "true" : "false");
}

void ep_json_integer(ep_json *json, const char *name, int64_t value)
{
    char text[NUMBER_BYTES];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    put_value(json, name, text);
}

void ep_json_real(ep_json *json, const char *name, double value)
{
    char text[NUMBER_BYTES];
    (void)snprintf(text, sizeof text, "%.3f", value);
    put_value(json, name, text);
}
