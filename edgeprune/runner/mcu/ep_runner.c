#include "ep_runner.h"

#include <stddef.h>

#include "ep_crc32.h"
#include "ep_hal.h"
#include "ep_line.h"
#include "ep_target.h"
#include "ep_timing.h"
#include "ep_wire.h"
#include "model.h"

#if EP_TARGET_FEATURES != 0u
#include "ep_document.h"
#endif

/* The last run, so that the same request again gets the same answer. */
static struct {
    bool is_done;
    uint32_t token;
    ep_run_reply reply;
} last_run;

/* Runs since the network's variables were put to what they start with. */
static uint32_t age;

static ep_line line;

static void nak(uint32_t sequence, const char *code, uint32_t detail)
{
    ep_put_begin('!', sequence, "nak");
    ep_put_word("code", code);
    ep_put_u32("detail", detail);
    ep_put_end();
}

static uint32_t crc_of(const ep_io *io, uint32_t count)
{
    uint32_t crc = 0u;
    for (uint32_t i = 0u; i < count; i++) {
        crc = ep_crc32(crc, ep_arena + io[i].offset_bytes, io[i].size_bytes);
    }
    return crc;
}

static bool is_inside(const ep_io *io, uint32_t offset, uint32_t count)
{
    return offset <= io->size_bytes && count <= io->size_bytes - offset;
}

/* One handler for each command. Each returns NULL and fills the reply, or returns the nak's code and
   may set `detail`. Those of documents are beside their makers. */

static const char *on_identify(const ep_identify_request *request, ep_identify_reply *reply, uint32_t *detail)
{
    (void)detail;
    reply->nonce = request->nonce;
    reply->protocol = EP_WIRE_PROTOCOL;
    reply->runner = "edgeprune";
    reply->build = EP_WIRE_BUILD;
    reply->target = EP_TARGET_NAME;
    return NULL;
}

static const char *on_model(const ep_model_request *request, ep_model_reply *reply, uint32_t *detail)
{
    (void)request;
    (void)detail;
    reply->hash = EP_MODEL_HASH;
    reply->layers = EP_LAYER_COUNT;
    reply->inputs = EP_INPUT_COUNT;
    reply->outputs = EP_OUTPUT_COUNT;
    reply->state = EP_STATE_BYTES;
    return NULL;
}

static const char *on_device(const ep_device_request *request, ep_device_reply *reply, uint32_t *detail)
{
    (void)request;
    (void)detail;
    reply->clock_hz = EP_TARGET_CLOCK_HZ;
    reply->counters = EP_TARGET_COUNTERS;
    reply->chunk = EP_WIRE_CHUNK_BYTES;
    reply->features = EP_TARGET_FEATURES;
    return NULL;
}

static const char *on_input(const ep_input_request *request, ep_input_reply *reply, uint32_t *detail)
{
    (void)detail;
    if (request->index >= EP_INPUT_COUNT) {
        return EP_NAK_BAD_INDEX;
    }
    reply->size = ep_model_inputs[request->index].size_bytes;
    return NULL;
}

static const char *on_output(const ep_output_request *request, ep_output_reply *reply, uint32_t *detail)
{
    (void)detail;
    if (request->index >= EP_OUTPUT_COUNT) {
        return EP_NAK_BAD_INDEX;
    }
    reply->size = ep_model_outputs[request->index].size_bytes;
    return NULL;
}

static const char *on_load(const ep_load_request *request, ep_load_reply *reply, uint32_t *detail)
{
    if (request->input >= EP_INPUT_COUNT) {
        return EP_NAK_BAD_INDEX;
    }
    const ep_io *io = &ep_model_inputs[request->input];
    if (!is_inside(io, request->offset, request->data_bytes)) {
        *detail = io->size_bytes;
        return EP_NAK_BAD_OFFSET;
    }
    last_run.is_done = false; /* inputs and outputs may share memory */
    uint8_t *to = ep_arena + io->offset_bytes + request->offset;
    for (uint32_t i = 0u; i < request->data_bytes; i++) {
        to[i] = request->data[i];
    }
    reply->input = request->input;
    reply->offset = request->offset;
    reply->length = request->data_bytes;
    return NULL;
}

static const char *on_run(const ep_run_request *request, ep_run_reply *reply, uint32_t *detail)
{
    if (!last_run.is_done || last_run.token != request->token) {
        last_run.is_done = false;
        const uint32_t crc = crc_of(ep_model_inputs, EP_INPUT_COUNT);
        if (crc != request->crc) {
            *detail = crc;
            return EP_NAK_BAD_INPUT;
        }
        ep_counters total = {0u, 0u};
        if (request->measure != 0u) {
            ep_timing_run(&total);
        } else {
            ep_timing_run_plain();
        }
        age++;
        last_run.token = request->token;
        last_run.reply.age = age;
        last_run.reply.token = request->token;
        last_run.reply.crc = crc_of(ep_model_outputs, EP_OUTPUT_COUNT);
        last_run.reply.instructions = total.instructions;
        last_run.reply.cycles = total.cycles;
        last_run.is_done = true;
    }
    *reply = last_run.reply;
    return NULL;
}

static void reset_state(void)
{
    ep_model_reset();
    age = 0u;
    last_run.is_done = false; /* an output may be a variable */
}

static const char *on_reset_state(const ep_reset_state_request *request, ep_reset_state_reply *reply,
                                  uint32_t *detail)
{
    (void)request;
    (void)reply;
    (void)detail;
    reset_state();
    return NULL;
}

static bool is_last_run(uint32_t token)
{
    return last_run.is_done && last_run.token == token;
}

static const char *on_layer(const ep_layer_request *request, ep_layer_reply *reply, uint32_t *detail)
{
    (void)detail;
    if (!is_last_run(request->token)) {
        return EP_NAK_BAD_TOKEN;
    }
    if (request->index >= EP_LAYER_COUNT) {
        return EP_NAK_BAD_INDEX;
    }
    reply->index = request->index;
    reply->instructions = ep_timing_layer_instructions(request->index);
    reply->cycles = ep_timing_layer_cycles(request->index);
    return NULL;
}

static const char *on_read(const ep_read_request *request, ep_read_reply *reply, uint32_t *detail)
{
    if (!is_last_run(request->token)) {
        return EP_NAK_BAD_TOKEN;
    }
    if (request->output >= EP_OUTPUT_COUNT) {
        return EP_NAK_BAD_INDEX;
    }
    const ep_io *io = &ep_model_outputs[request->output];
    if (request->length == 0u || request->length > EP_WIRE_CHUNK_BYTES
        || !is_inside(io, request->offset, request->length)) {
        *detail = io->size_bytes;
        return EP_NAK_BAD_OFFSET;
    }
    reply->output = request->output;
    reply->offset = request->offset;
    reply->data = ep_arena + io->offset_bytes + request->offset;
    reply->data_bytes = request->length;
    return NULL;
}

static const char *on_memory(const ep_memory_request *request, ep_memory_reply *reply, uint32_t *detail)
{
    ep_memory memory;
    (void)request;
    (void)detail;
    ep_hal_memory(&memory);
    reply->arena = EP_ARENA_BYTES;
    reply->ram = memory.ram_bytes;
    reply->stack = memory.stack_bytes;
    reply->stack_peak = memory.stack_peak_bytes;
    reply->flash = memory.flash_bytes;
    return NULL;
}

static const char *on_flash(const ep_flash_request *request, ep_flash_reply *reply, uint32_t *detail)
{
    ep_memory memory;
    (void)request;
    (void)detail;
    ep_hal_memory(&memory);
    reply->length = memory.flash_bytes;
    reply->crc = ep_hal_flash_crc32();
    return NULL;
}

static const char *on_reset(const ep_reset_request *request, ep_reset_reply *reply, uint32_t *detail)
{
    (void)request;
    (void)detail;
    ep_reply_reset(line.sequence, reply);
    ep_hal_reset();
}

/* A function for each command that parses, handles and answers: parse_and_identify and so on. */
#define ANSWER(name)                                                      \
    static void answer_##name(void)                                       \
    {                                                                     \
        ep_##name##_request request;                                      \
        ep_##name##_reply reply = {0};                                    \
        uint32_t detail = 0u;                                             \
        const char *code = EP_NAK_BAD_FIELD;                              \
        if (ep_parse_##name(&line, &request)) {                           \
            code = on_##name(&request, &reply, &detail);                  \
        }                                                                 \
        if (code == NULL) {                                               \
            ep_reply_##name(line.sequence, &reply);                       \
        } else {                                                          \
            nak(line.sequence, code, detail);                             \
        }                                                                 \
    }
EP_WIRE_COMMANDS(ANSWER)

typedef struct {
    const char *name;
    void (*answer)(void);
} command;

#define COMMAND(name) {#name, answer_##name},
static const command commands[] = {EP_WIRE_COMMANDS(COMMAND)};

static void dispatch(void)
{
    for (uint32_t i = 0u; i < sizeof commands / sizeof commands[0]; i++) {
        if (ep_take_name(&line, commands[i].name)) {
            commands[i].answer();
            return;
        }
    }
    nak(line.sequence, EP_NAK_BAD_COMMAND, 0u);
}

_Noreturn void ep_runner(void)
{
    ep_hal_init();
    reset_state();
    for (;;) {
        const char *code = ep_line_receive(&line);
        if (code == NULL) {
            dispatch();
        } else {
            nak(0u, code, 0u);
        }
    }
}

_Noreturn void ep_runner_fault(uint32_t address)
{
    ep_put_end(); /* whatever line was being written ends here */
    nak(0u, EP_NAK_FAULT, address);
    for (;;) {
        const char *code = ep_line_receive(&line);
        if (code == NULL && ep_take_name(&line, "reset")) {
            answer_reset();
        }
        nak(code == NULL ? line.sequence : 0u, EP_NAK_FAULT, address);
    }
}
