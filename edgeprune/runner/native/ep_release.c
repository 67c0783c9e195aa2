#define _POSIX_C_SOURCE 200809L

#include "ep_release.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ep_crc32.h"
#include "ep_sha256.h"

#define PROGRAM "/proc/self/exe"
#define LIST "SHA256SUMS"
#define DIGITS 64u /* then two characters, then the name */
#define NAME_AT (DIGITS + 2u)
#define LINE_BYTES 1024

/* The path of `name` in the program's folder; false where it is too long. */
static bool beside(const char *name, char path[PATH_MAX])
{
    const ssize_t length = readlink(PROGRAM, path, PATH_MAX - 1);
    if (length <= 0) {
        return false;
    }
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL || (size_t)(slash + 1 - path) + strlen(name) >= PATH_MAX) {
        return false;
    }
    (void)strcpy(slash + 1, name);
    return true;
}

static FILE *open_beside(const char *name)
{
    char path[PATH_MAX];
    return beside(name, path) ? fopen(path, "rb") : NULL;
}

/* Adds the file's bytes to CRC and length, and closes it. */
static void add_file(FILE *file, uint32_t *crc, uint32_t *length)
{
    uint8_t block[4096];
    if (file == NULL) {
        return;
    }
    for (;;) {
        const size_t count = fread(block, 1, sizeof block, file);
        if (count == 0) {
            break;
        }
        *crc = ep_crc32(*crc, block, (uint32_t)count);
        *length += (uint32_t)count;
    }
    (void)fclose(file);
}

uint32_t ep_release_content(uint32_t *crc)
{
    uint32_t length = 0u;
    char line[LINE_BYTES];
    FILE *list = open_beside(LIST);
    *crc = 0u;
    if (list == NULL) {
        add_file(fopen(PROGRAM, "rb"), crc, &length);
        return length;
    }
    while (fgets(line, sizeof line, list) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strlen(line) > NAME_AT) {
            add_file(open_beside(line + NAME_AT), crc, &length);
        }
    }
    (void)fclose(list);
    add_file(open_beside(LIST), crc, &length);
    return length;
}

bool ep_release_id(char id[EP_RELEASE_ID_DIGITS + 1u])
{
    uint8_t block[4096];
    uint8_t digest[EP_SHA256_BYTES];
    ep_sha256 hash;
    FILE *list = open_beside(LIST);
    if (list == NULL) {
        return false;
    }
    ep_sha256_begin(&hash);
    for (;;) {
        const size_t count = fread(block, 1, sizeof block, list);
        if (count == 0) {
            break;
        }
        ep_sha256_add(&hash, block, (uint32_t)count);
    }
    (void)fclose(list);
    ep_sha256_end(&hash, digest);
    for (uint32_t i = 0u; i < EP_RELEASE_ID_DIGITS; i++) {
        const uint32_t value = (uint32_t)digest[i / 2u] >> (i % 2u == 0u ? 4u : 0u);
        id[i] = "0123456789abcdef"[value & 15u];
    }
    id[EP_RELEASE_ID_DIGITS] = '\0';
    return true;
}
