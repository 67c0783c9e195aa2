/* Lines of the serial protocol: receive one, take it apart, write one. Formats are in device/wire.py. */
#ifndef EP_LINE_H
#define EP_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "ep_limits.h"

/* A request without mark, sequence number and CRC; `at` moves over what was taken. */
typedef struct {
    char text[EP_WIRE_LINE_BYTES + 1u];
    uint32_t length;
    uint32_t at;
    uint32_t sequence;
} ep_line;

/* Wait for the next line that is not empty. Returns NULL for an undamaged request, else the nak's code. */
const char *ep_line_receive(ep_line *line);

/* Take the next word if it is `name`: a command. */
bool ep_take_name(ep_line *line, const char *name);

/* Take the next field if it is `name=...` and well formed. Bytes are decoded inside the line, words ended. */
bool ep_take_u32(ep_line *line, const char *name, uint32_t *value);
bool ep_take_word(ep_line *line, const char *name, const char **word);
bool ep_take_bytes(ep_line *line, const char *name, const uint8_t **data, uint32_t *count);

bool ep_line_is_empty(const ep_line *line);

/* Write a line: begin, its fields, end. Nothing is kept: each character goes out at once. */
void ep_put_begin(char mark, uint32_t sequence, const char *name);
void ep_put_u32(const char *name, uint32_t value);
void ep_put_u64(const char *name, uint64_t value);
void ep_put_word(const char *name, const char *word);
void ep_put_bytes(const char *name, const uint8_t *data, uint32_t count);
void ep_put_end(void);

#endif
