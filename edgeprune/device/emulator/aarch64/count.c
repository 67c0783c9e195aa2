/* A plugin of QEMU's user mode (7.2 to 8.x: plugin API 1): counts the instructions that the guest executes.
 *
 * The guest marks a moment by getpriority(EP_MARK, n), which the kernel refuses and nobody else calls. At
 * each mark a line "PROCESS n INSTRUCTIONS" is appended to the file of the argument out=: how many
 * instructions all threads of that process have executed, the mark's own system call among them.
 *
 * Every instruction has its call, since a block may be left half-way by a fault, and every thread its own
 * counter, since an inline addition to one counter loses counts when two threads add at the same time.
 */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

/* --- of QEMU's plugin API 1, which Debian has no header for */

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

typedef void (*qemu_plugin_vcpu_tb_trans_cb_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_plugin_vcpu_udata_cb_t)(unsigned int vcpu, void *user_data);
typedef void (*qemu_plugin_vcpu_syscall_cb_t)(qemu_plugin_id_t id, unsigned int vcpu, int64_t number, uint64_t a1,
                                              uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6,
                                              uint64_t a7, uint64_t a8);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_tb_trans_cb_t call);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, qemu_plugin_vcpu_udata_cb_t call,
                                            enum qemu_plugin_cb_flags flags, void *user_data);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_syscall_cb_t call);

EXPORTED int qemu_plugin_version = 1;
EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);

/* --- */

#define AARCH64_GETPRIORITY 141
#define MOST_THREADS 4096

/* One a cache line: by QEMU's number of the thread, which is used again when a thread has ended. */
static struct {
    uint64_t instructions;
    uint64_t apart[7];
} threads[MOST_THREADS];

static const char *out;

static void give_up(const char *why)
{
    fprintf(stderr, "count: %s\n", why);
    abort();
}

static void on_instruction(unsigned int vcpu, void *unused)
{
    (void)unused;
    if (vcpu >= MOST_THREADS) {
        give_up("more threads than there are counters");
    }
    threads[vcpu].instructions++;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    const size_t count = qemu_plugin_tb_n_insns(tb);
    for (size_t i = 0; i < count; i++) {
        qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, i), on_instruction,
                                               QEMU_PLUGIN_CB_NO_REGS, NULL);
    }
}

static void on_system_call(qemu_plugin_id_t id, unsigned int vcpu, int64_t number, uint64_t a1, uint64_t a2,
                           uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)vcpu, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number != AARCH64_GETPRIORITY || (uint32_t)a1 != EP_MARK) {
        return;
    }
    uint64_t total = 0;
    for (size_t i = 0; i < MOST_THREADS; i++) {
        total += threads[i].instructions;
    }
    char line[80];
    const int length =
        snprintf(line, sizeof line, "%d %" PRIu32 " %" PRIu64 "\n", (int)getpid(), (uint32_t)a2, total);
    /* Opened anew: the guest shares our file descriptors, and may close those that it does not know. */
    const int file = open(out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || write(file, line, (size_t)length) != length) {
        give_up("cannot write the mark");
    }
    close(file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0) {
            out = strdup(argv[i] + 4);
        }
    }
    if (out == NULL) {
        fprintf(stderr, "count: out=FILE is missing\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_syscall_cb(id, on_system_call);
    return 0;
}
