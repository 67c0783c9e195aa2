#include "ep_line.h"

#include <stddef.h>

#include "ep_crc32.h"
#include "ep_hal.h"
#include "ep_wire.h"

#define HEAD_BYTES 6u /* ">0007 " */
#define TAIL_BYTES 10u /* " *5f3c9a01" */

/* CRC-32 of the line that is being written. */
static uint32_t put_crc;

/* The value of a lower-case hexadecimal digit, or -1. */
static int32_t digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}

/* `count` hexadecimal digits at `text`; false where there are fewer. */
static bool parse_hex(const char *text, uint32_t count, uint32_t *value)
{
    uint32_t sum = 0u;
    for (uint32_t i = 0u; i < count; i++) {
        const int32_t digit = digit_value(text[i]);
        if (digit < 0) {
            return false;
        }
        sum = (sum << 4) | (uint32_t)digit;
    }
    *value = sum;
    return true;
}

/* Bytes up to the newline; false where they do not fit. What does not fit is dropped. */
static bool receive_text(ep_line *line)
{
    bool fits = true;
    uint32_t length = 0u;
    for (;;) {
        const char c = (char)ep_hal_read();
        if (c == '\n') {
            break;
        }
        if (length < EP_WIRE_LINE_BYTES) {
            line->text[length] = c;
            length++;
        } else {
            fits = false;
        }
    }
    if (length > 0u && line->text[length - 1u] == '\r') {
        length--; /* typed in a terminal */
    }
    line->text[length] = '\0';
    line->length = length;
    return fits;
}

/* Check and remove mark, sequence number and CRC. */
static bool open_frame(ep_line *line)
{
    uint32_t crc;
    if (line->length <= HEAD_BYTES + TAIL_BYTES) {
        return false;
    }
    const uint32_t body_bytes = line->length - TAIL_BYTES;
    const char *tail = line->text + body_bytes;
    if (line->text[0] != '>' || line->text[5] != ' ' || tail[0] != ' ' || tail[1] != '*') {
        return false;
    }
    if (!parse_hex(line->text + 1, 4u, &line->sequence) || !parse_hex(tail + 2, 8u, &crc)) {
        return false;
    }
    line->text[body_bytes] = '\0';
    line->length = body_bytes;
    line->at = HEAD_BYTES;
    return crc == ep_crc32(0u, (const uint8_t *)line->text, body_bytes);
}

const char *ep_line_receive(ep_line *line)
{
    bool fits;
    do {
        fits = receive_text(line);
    } while (line->length == 0u);
    if (!fits) {
        return EP_NAK_TOO_LONG;
    }
    return open_frame(line) ? NULL : EP_NAK_BAD_LINE;
}

bool ep_take_name(ep_line *line, const char *name)
{
    uint32_t at = line->at;
    for (uint32_t i = 0u; name[i] != '\0'; i++, at++) {
        if (line->text[at] != name[i]) {
            return false;
        }
    }
    if (line->text[at] != ' ' && line->text[at] != '\0') {
        return false;
    }
    line->at = at;
    return true;
}

/* Take " name=" and give the count of characters of its value, which starts at line->at. */
static bool take_key(ep_line *line, const char *name, uint32_t *count)
{
    uint32_t at = line->at;
    if (line->text[at] != ' ') {
        return false;
    }
    at++;
    for (uint32_t i = 0u; name[i] != '\0'; i++, at++) {
        if (line->text[at] != name[i]) {
            return false;
        }
    }
    if (line->text[at] != '=') {
        return false;
    }
    at++;
    uint32_t end = at;
    while (end < line->length && line->text[end] != ' ') {
        end++;
    }
    line->at = at;
    *count = end - at;
    return end > at;
}

bool ep_take_u32(ep_line *line, const char *name, uint32_t *value)
{
    uint32_t count;
    if (!take_key(line, name, &count) || count > 8u || !parse_hex(line->text + line->at, count, value)) {
        return false;
    }
    line->at += count;
    return true;
}

bool ep_take_bytes(ep_line *line, const char *name, const uint8_t **data, uint32_t *count)
{
    uint32_t digits;
    if (!take_key(line, name, &digits) || digits % 2u != 0u || digits > 2u * EP_WIRE_CHUNK_BYTES) {
        return false;
    }
    uint8_t *bytes = (uint8_t *)line->text + line->at; /* two digits are read before one byte is written */
    for (uint32_t i = 0u; i < digits / 2u; i++) {
        uint32_t value;
        if (!parse_hex(line->text + line->at + 2u * i, 2u, &value)) {
            return false;
        }
        bytes[i] = (uint8_t)value;
    }
    *data = bytes;
    *count = digits / 2u;
    line->at += digits;
    return true;
}

bool ep_take_word(ep_line *line, const char *name, const char **word)
{
    uint32_t count;
    if (!take_key(line, name, &count) || count > EP_WIRE_WORD_BYTES) {
        return false;
    }
    char *to = line->text + line->at - 1u; /* over the '=', so that there is room for the end */
    for (uint32_t i = 0u; i < count; i++) {
        to[i] = to[i + 1u];
    }
    to[count] = '\0';
    *word = to;
    line->at += count;
    return true;
}

bool ep_line_is_empty(const ep_line *line)
{
    return line->at == line->length;
}

static void put_char(char c)
{
    const uint8_t byte = (uint8_t)c;
    put_crc = ep_crc32(put_crc, &byte, 1u);
    ep_hal_write(byte);
}

static void put_text(const char *text)
{
    for (uint32_t i = 0u; text[i] != '\0'; i++) {
        put_char(text[i]);
    }
}

static void put_digit(uint32_t digit)
{
    put_char((char)(digit < 10u ? '0' + digit : 'a' + (digit - 10u)));
}

static void put_digits(uint32_t value, uint32_t count)
{
    for (uint32_t i = count; i > 0u; i--) {
        put_digit((value >> (4u * (i - 1u))) & 15u);
    }
}

static uint32_t digits_of(uint32_t value)
{
    uint32_t count = 1u;
    while (value >= 16u) {
        value >>= 4;
        count++;
    }
    return count;
}

static void put_key(const char *name)
{
    put_char(' ');
    put_text(name);
    put_char('=');
}

void ep_put_begin(char mark, uint32_t sequence, const char *name)
{
    put_crc = 0u;
    put_char(mark);
    put_digits(sequence, 4u);
    put_char(' ');
    put_text(name);
}

void ep_put_u32(const char *name, uint32_t value)
{
    put_key(name);
    put_digits(value, digits_of(value));
}

void ep_put_u64(const char *name, uint64_t value)
{
    const uint32_t high = (uint32_t)(value >> 32);
    const uint32_t low = (uint32_t)value;
    put_key(name);
    if (high != 0u) {
        put_digits(high, digits_of(high));
        put_digits(low, 8u);
    } else {
        put_digits(low, digits_of(low));
    }
}

void ep_put_word(const char *name, const char *word)
{
    put_key(name);
    put_text(word);
}

void ep_put_bytes(const char *name, const uint8_t *data, uint32_t count)
{
    put_key(name);
    for (uint32_t i = 0u; i < count; i++) {
        put_digits(data[i], 2u);
    }
}

void ep_put_end(void)
{
    const uint32_t crc = put_crc;
    put_text(" *");
    put_digits(crc, 8u);
    put_char('\n');
    ep_hal_flush();
}
