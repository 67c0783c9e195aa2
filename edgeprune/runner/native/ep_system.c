#define _GNU_SOURCE

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ep_document.h"

#define CPUS "/sys/devices/system/cpu"
#define ZONES "/sys/class/thermal/thermal_zone"
#define MOST_ZONES 64
#define THROTTLED "/sys/devices/platform/soc/soc:firmware/get_throttled"
#define BOARD "/proc/device-tree/model"
#define TEXT_BYTES 256u
#define SINCE_BOOT 16u /* bits of what was, above those of what is */

static double load_ms;

void ep_system_loaded(double milliseconds)
{
    load_ms = milliseconds;
}

/* The file's first bytes without white space at the end; false where it cannot be read or is empty. */
static bool read_text(const char *path, char text[TEXT_BYTES])
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    size_t count = fread(text, 1, TEXT_BYTES - 1u, file);
    (void)fclose(file);
    while (count > 0u && (text[count - 1u] == '\0' || strchr(" \t\r\n", text[count - 1u]) != NULL)) {
        count--;
    }
    text[count] = '\0';
    return count > 0u;
}

/* The value behind `key` of the first line of `path` that begins with it, without quotes. */
static bool find_value(const char *path, const char *key, char text[TEXT_BYTES])
{
    char line[TEXT_BYTES];
    FILE *file = fopen(path, "rb");
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            const char *value = line + strlen(key);
            value += strspn(value, " \t:=\"");
            const size_t count = strcspn(value, "\"\r\n");
            (void)memcpy(text, value, count);
            text[count] = '\0';
            found = count > 0u;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

static void put_text_or_null(ep_json *json, const char *name, bool is_known, const char *text)
{
    ep_json_text(json, name, is_known ? text : NULL);
}

/* Arm's cores are numbers in /proc/cpuinfo. */
static const char *arm_core(const char *part)
{
    static const struct {
        const char *part;
        const char *name;
    } cores[] = {
        {"0xd03", "Cortex-A53"}, {"0xd04", "Cortex-A35"}, {"0xd05", "Cortex-A55"}, {"0xd07", "Cortex-A57"},
        {"0xd08", "Cortex-A72"}, {"0xd09", "Cortex-A73"}, {"0xd0a", "Cortex-A75"}, {"0xd0b", "Cortex-A76"},
        {"0xd41", "Cortex-A78"},
    };
    for (size_t i = 0; i < sizeof cores / sizeof cores[0]; i++) {
        if (strcmp(part, cores[i].part) == 0) {
            return cores[i].name;
        }
    }
    return NULL;
}

/* Processors that the kernel tells of; 0 where it does not. */
static long processors(void)
{
    char line[TEXT_BYTES];
    long count = 0;
    FILE *file = fopen("/proc/cpuinfo", "rb");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        count += strncmp(line, "processor", strlen("processor")) == 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return count;
}

static void describe_cpu(ep_json *json)
{
    char text[TEXT_BYTES];
    const char *model = NULL;
    if (find_value("/proc/cpuinfo", "model name", text)) {
        model = text;
    } else if (find_value("/proc/cpuinfo", "CPU part", text)) {
        model = arm_core(text);
    }
    ep_json_open(json, "cpu", '{');
    ep_json_text(json, "model", model);
    if (processors() > 0) {
        ep_json_integer(json, "cores", processors());
    } else {
        ep_json_null(json, "cores");
    }
    ep_json_close(json, '}');
}

static void describe_runtime(ep_json *json)
{
    ep_json_open(json, "runtime", '{');
    ep_json_text(json, "name", "native");
    ep_json_text(json, "version", EP_WIRE_BUILD);
    ep_json_integer(json, "threads", 1); /* the network is straight calls of kernels */
    ep_json_null(json, "delegate");
    ep_json_close(json, '}');
}

/* The CPUs that this process may run on, where these are not all. */
static void describe_pinning(ep_json *json)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) >= processors()) {
        ep_json_null(json, "pinned");
        return;
    }
    ep_json_open(json, "pinned", '[');
    for (int32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET((size_t)cpu, &set)) {
            ep_json_integer(json, NULL, cpu);
        }
    }
    ep_json_close(json, ']');
}

static bool read_of_cpu(long cpu, const char *file, char text[TEXT_BYTES])
{
    char path[TEXT_BYTES];
    (void)snprintf(path, sizeof path, CPUS "/cpu%ld/cpufreq/%s", cpu, file);
    return read_text(path, text);
}

/* What `file` says for each CPU: a word, or kHz where `is_frequency`, told in Hz. Null unless all tell. */
static void describe_each_cpu(ep_json *json, const char *name, const char *file, bool is_frequency)
{
    char text[TEXT_BYTES];
    const long cpus = processors();
    bool is_known = cpus > 0;
    for (long cpu = 0; cpu < cpus; cpu++) {
        is_known = is_known && read_of_cpu(cpu, file, text);
    }
    if (!is_known) {
        ep_json_null(json, name);
        return;
    }
    ep_json_open(json, name, '[');
    for (long cpu = 0; cpu < cpus && read_of_cpu(cpu, file, text); cpu++) {
        if (is_frequency) {
            ep_json_integer(json, NULL, 1000 * strtoll(text, NULL, 10));
        } else {
            ep_json_text(json, NULL, text);
        }
    }
    ep_json_close(json, ']');
}

static void describe_bits(ep_json *json, const char *name, unsigned long bits)
{
    static const char *const words[] = {"under-voltage", "frequency-capped", "throttled",
                                        "soft-temperature-limit"};
    ep_json_open(json, name, '[');
    for (uint32_t i = 0u; i < sizeof words / sizeof words[0]; i++) {
        if ((bits >> i & 1u) != 0u) {
            ep_json_text(json, NULL, words[i]);
        }
    }
    ep_json_close(json, ']');
}

/* The number that `vcgencmd get_throttled` shows, from where a Raspberry Pi's kernel has it. */
static void describe_throttling(ep_json *json)
{
    char text[TEXT_BYTES];
    if (!read_text(THROTTLED, text)) {
        ep_json_null(json, "throttled");
        return;
    }
    const unsigned long raw = strtoul(text, NULL, 16);
    ep_json_open(json, "throttled", '{');
    ep_json_integer(json, "raw", (int64_t)raw);
    describe_bits(json, "now", raw);
    describe_bits(json, "since_boot", raw >> SINCE_BOOT);
    ep_json_close(json, '}');
}

static void put_real_or_null(ep_json *json, const char *name, const char *path, double unit)
{
    char text[TEXT_BYTES];
    if (read_text(path, text)) {
        ep_json_real(json, name, unit * strtod(text, NULL));
    } else {
        ep_json_null(json, name);
    }
}

/* The CPU's own, whatever its maker calls it: cpu-thermal, soc_thermal, x86_pkg_temp. */
static void describe_temperature(ep_json *json)
{
    char path[TEXT_BYTES];
    char text[TEXT_BYTES];
    for (int zone = 0; zone < MOST_ZONES; zone++) {
        (void)snprintf(path, sizeof path, ZONES "%d/type", zone);
        if (!read_text(path, text)) {
            break;
        }
        if (strstr(text, "cpu") != NULL || strstr(text, "soc") != NULL || strcmp(text, "x86_pkg_temp") == 0) {
            (void)snprintf(path, sizeof path, ZONES "%d/temp", zone);
            put_real_or_null(json, "temperature_c", path, 0.001);
            return;
        }
    }
    ep_json_null(json, "temperature_c");
}

/* A line of /proc/self/status, which counts in kB. */
static void put_memory(ep_json *json, const char *name, const char *key)
{
    char text[TEXT_BYTES];
    if (find_value("/proc/self/status", key, text)) {
        ep_json_integer(json, name, 1024 * strtoll(text, NULL, 10));
    } else {
        ep_json_null(json, name);
    }
}

/* Whether another machine plays this one: told by who started us, or by a kernel of another kind. */
static bool is_emulated(const struct utsname *system)
{
    char text[TEXT_BYTES];
    const char *told = getenv("EDGEPRUNE_EMULATED");
    if (told != NULL && strcmp(told, "1") == 0) {
        return true;
    }
    return read_text("/proc/sys/kernel/arch", text)
        && (strcmp(text, "x86_64") == 0) != (strcmp(system->machine, "x86_64") == 0);
}

void ep_system_describe(ep_json *json)
{
    char text[TEXT_BYTES];
    struct utsname system;
    const bool is_known = uname(&system) == 0;
    ep_json_begin(json);
    ep_json_open(json, NULL, '{');
    put_text_or_null(json, "machine", is_known, system.machine);
    put_text_or_null(json, "os", find_value("/etc/os-release", "PRETTY_NAME", text), text);
    put_text_or_null(json, "kernel", is_known, system.release);
    ep_json_null(json, "libc"); /* this program brings its own */
    ep_json_null(json, "python");
    ep_json_boolean(json, "emulated", is_known && is_emulated(&system));
    describe_cpu(json);
    put_text_or_null(json, "board", read_text(BOARD, text), text);
    describe_runtime(json);
    ep_json_real(json, "model_load_ms", load_ms);
    describe_pinning(json);
    describe_each_cpu(json, "governor", "scaling_governor", false);
    describe_each_cpu(json, "frequency_hz", "scaling_cur_freq", true);
    describe_each_cpu(json, "frequency_max_hz", "cpuinfo_max_freq", true);
    describe_throttling(json);
    describe_temperature(json);
    put_memory(json, "rss_bytes", "VmRSS");
    put_memory(json, "rss_peak_bytes", "VmHWM");
    put_real_or_null(json, "uptime_s", "/proc/uptime", 1.0);
    put_real_or_null(json, "load_1min", "/proc/loadavg", 1.0);
    ep_json_close(json, '}');
}
