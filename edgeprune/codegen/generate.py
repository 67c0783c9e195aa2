"""From an int8 network and its memory plan to C that runs it: straight calls, no heap, no interpreter.

Files: model.h (what a runner needs), model.c (the calls and their parameters), model_data.c and .h (the
constants), and copies of the kernels called. Operators that only rename their input become a comment.
Layers are numbered over the nodes that run a kernel. Equal arguments give equal text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import edgeprune
from edgeprune.codegen.kernels import kernel_files
from edgeprune.codegen.names import layer_name
from edgeprune.codegen.writer import CTYPES, ConstantPool, call_text, comment_text, identifier, params_text
from edgeprune.errors import InternalError, ModelError
from edgeprune.memory.check import check_plan, check_state
from edgeprune.memory.live import Liveness, Step, live_ranges
from edgeprune.memory.plan import MemoryPlan
from edgeprune.ops import BoundNode, bind
from edgeprune.ops.cores import PORTABLE, Goal
from edgeprune.tflite.graph import QuantGraph, Tensor

ARENA_ALIGN_BYTES = 16

_MODEL_H = """\
{banner}
#ifndef EP_MODEL_H
#define EP_MODEL_H

#include <stdint.h>

#define EP_MODEL_NAME "{name}"
#define EP_MODEL_HASH "{hash}" /* the first 8 bytes of the model file's SHA-256 */
#define EP_ARENA_BYTES {arena_bytes}
#define EP_LAYER_COUNT {layers}
#define EP_INPUT_COUNT {inputs}
#define EP_OUTPUT_COUNT {outputs}
#define EP_STATE_BYTES {state_bytes} /* of the arena: variables, which are kept between runs */

/* A tensor's bytes in the arena. */
typedef struct {{
    uint32_t offset_bytes;
    uint32_t size_bytes;
}} ep_io;

extern const ep_io ep_model_inputs[EP_INPUT_COUNT];
extern const ep_io ep_model_outputs[EP_OUTPUT_COUNT];

/* The only memory that the model writes. */
extern uint8_t ep_arena[EP_ARENA_BYTES];

/* Puts the network's variables to what they start with. Call it once before the first run. */
void ep_model_reset(void);

/* Runs the network once. Write all inputs before each run: running may overwrite them. Variables keep
   their values for the next run, as long as nothing else writes to the arena. */
void ep_model_run(void);

/* The runner provides these; they are called around every layer, 0 <= index < EP_LAYER_COUNT. */
void ep_layer_begin(uint32_t index);
void ep_layer_end(uint32_t index);

#endif
"""

_MODEL_C = """\
{banner}
#include "model.h"

#include <stddef.h>

{includes}
#define AT(type, offset) ((type *)(void *)(ep_arena + (offset)))

uint8_t ep_arena[EP_ARENA_BYTES] __attribute__((aligned({align})));

const ep_io ep_model_inputs[EP_INPUT_COUNT] = {{
{inputs}}};

const ep_io ep_model_outputs[EP_OUTPUT_COUNT] = {{
{outputs}}};

{params}
void ep_model_reset(void)
{{
{reset}}}

void ep_model_run(void)
{{
{calls}}}
"""

_DATA_H = """\
{banner}
#ifndef EP_MODEL_DATA_H
#define EP_MODEL_DATA_H

#include <stdint.h>

{declarations}
#endif
"""

_DATA_C = """\
{banner}
#include "model_data.h"

{definitions}"""


@dataclass(frozen=True)
class LayerInfo:
    """One layer of the generated C: what `ep_layer_begin(index)` announces."""

    index: int
    name: str
    op: str
    macs: int


@dataclass(frozen=True)
class GeneratedC:
    """The C of a network: texts by file name; `constant_bytes` is what its arrays take in flash.

    `variables` are the offset in the arena and the size, in bytes, of each variable.
    """

    files: Mapping[str, str]
    layers: tuple[LayerInfo, ...]
    arena_bytes: int
    constant_bytes: int
    variables: tuple[tuple[int, int], ...] = ()


def generate(
    graph: QuantGraph, plan: MemoryPlan, *, name: str, model_sha256: str, goal: Goal = PORTABLE
) -> GeneratedC:
    """Write `graph`, whose buffers are where `plan` says, as C for `goal`, which `plan` was made for.

    Raises ModelError for what cannot be compiled, InternalError for a plan that does not fit the
    graph or a value that does not fit its C type.
    """
    if len(model_sha256) != 64:
        raise InternalError(f"{model_sha256!r} is not a SHA-256 in hexadecimal")
    if not graph.inputs or not graph.outputs:
        raise ModelError(f"the model has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs")
    return _Generator(graph, plan, name, model_sha256[:16], goal).generated()


class _Generator:
    def __init__(self, graph: QuantGraph, plan: MemoryPlan, name: str, model_hash: str, goal: Goal) -> None:
        self._graph = graph
        self._plan = plan
        self._name = identifier(name) or "model"
        self._hash = model_hash
        self._nodes = bind(graph)
        self._live: Liveness = live_ranges(graph, self._nodes, goal, plan.picks)
        self._pool = ConstantPool()
        check_plan(self._live.buffers, plan.offsets, plan.align_bytes, plan.arena_bytes)
        check_state(graph, self._nodes, self._live.roots, self._live.silent)

    def generated(self) -> GeneratedC:
        steps = self._live.steps
        kernels = {step.call.kernel for step in steps}
        files = {
            "model.h": self._model_h(),
            "model.c": self._model_c(sorted(kernels)),  # fills the pool that the next two write out
            "model_data.h": _DATA_H.format(banner=self._banner(), declarations=self._pool.declarations()),
            "model_data.c": _DATA_C.format(banner=self._banner(), definitions=self._pool.definitions()),
            **kernel_files(kernels),
        }
        return GeneratedC(
            files=files,
            layers=tuple(
                LayerInfo(step.index, self._layer(step.bound), step.bound.node.op, step.bound.macs)
                for step in steps
            ),
            arena_bytes=self._plan.arena_bytes,
            constant_bytes=self._pool.flash_bytes,
            variables=tuple(
                (self._offset(i), self._graph.tensors[i].size_bytes) for i in self._graph.variables
            ),
        )

    def _banner(self) -> str:
        version = edgeprune.__version__
        return f"/* Generated by edgeprune {version} from {self._name} (sha256 {self._hash}). Do not edit. */"

    def _model_h(self) -> str:
        return _MODEL_H.format(
            banner=self._banner(),
            name=self._name,
            hash=self._hash,
            arena_bytes=self._plan.arena_bytes,
            layers=len(self._live.steps),
            inputs=len(self._graph.inputs),
            outputs=len(self._graph.outputs),
            state_bytes=sum(self._graph.tensors[i].size_bytes for i in self._graph.variables),
        )

    def _model_c(self, kernels: Sequence[str]) -> str:
        steps = self._live.steps
        return _MODEL_C.format(
            banner=self._banner(),
            includes="".join(f'#include "{name}.h"\n' for name in (*kernels, "model_data")),
            align=ARENA_ALIGN_BYTES,
            inputs="".join(self._io_line(tensor) for tensor in self._graph.inputs),
            outputs="".join(self._io_line(tensor) for tensor in self._graph.outputs),
            params="\n".join(params_text(self._identifier(step), step.call, self._pool) for step in steps),
            reset="".join(self._starts()) or "    /* Nothing is kept between runs. */\n",
            calls="\n".join(self._statements()),
        )

    def _starts(self) -> Iterator[str]:
        """The body of ep_model_reset: a loop for each variable."""
        for number, index in enumerate(self._graph.variables):
            tensor = self._graph.tensors[index]
            start = np.frombuffer(tensor.data or b"", np.uint8)
            value = f"{start[0]}u"
            if (start != start[0]).any():
                name = f"start{number}_{identifier(tensor.name)}".rstrip("_")
                value = f"{self._pool.add(name, 'uint8_t', start, tensor.name)}[i]"
            yield (
                f"    /* {comment_text(tensor.name)}: {tensor.dtype} {shape_text(tensor)} */\n"
                f"    for (uint32_t i = 0u; i < {tensor.size_bytes}u; i++) {{\n"
                f"        ep_arena[{self._offset(index)}u + i] = {value};\n"
                "    }\n"
            )

    def _io_line(self, index: int) -> str:
        tensor = self._graph.tensors[index]
        note = comment_text(f"{tensor.name}: {tensor.dtype} {shape_text(tensor)}")
        return f"    {{{self._offset(index)}u, {tensor.size_bytes}u}}, /* {note} */\n"

    def _offset(self, tensor: int) -> int:
        buffer = self._live.buffer(tensor)
        if buffer is None:
            raise InternalError(f"tensor {self._graph.tensors[tensor].name!r} is not in the arena")
        return self._plan.offsets[buffer]

    def _statements(self) -> list[str]:
        """The body of ep_model_run: a block for each node, in running order."""
        steps = iter(self._live.steps)
        return [
            self._comment(bound, " is the same bytes")
            if position in self._live.silent
            else self._block(next(steps))
            for position, bound in enumerate(self._nodes)
        ]

    def _block(self, step: Step) -> str:
        call = call_text(step.call, self._identifier(step), self._arguments(step))
        return (
            f"{self._comment(step.bound)}"
            f"    ep_layer_begin({step.index}u);\n"
            f"    {call}\n"
            f"    ep_layer_end({step.index}u);\n"
        )

    def _arguments(self, step: Step) -> list[str]:
        arguments = [self._pointer(step, tensor, const="const ") for tensor in step.call.inputs]
        arguments += [self._pointer(step, tensor) for tensor in (*step.call.outputs, *step.call.state)]
        if step.scratch is not None:
            arguments.append(f"AT(void, {self._plan.offsets[step.scratch]})")
        return arguments

    def _pointer(self, step: Step, index: int, const: str = "") -> str:
        """A pointer to the tensor's bytes: into flash for a constant, else into the arena."""
        tensor = self._graph.tensors[index]
        root = self._graph.tensors[self._live.roots[index]]
        ctype = CTYPES[tensor.dtype]
        if root.is_constant:
            name = f"{self._identifier(step)}_in{step.call.inputs.index(index)}"
            return self._pool.add(name, ctype, root.array())
        return f"AT({const}{ctype}, {self._offset(index)})"

    def _comment(self, bound: BoundNode, note: str = "") -> str:
        tensors = self._graph.tensors
        inputs = [tensors[i] for i in bound.node.inputs if i >= 0 and not tensors[i].is_constant]
        shapes = ", ".join(shape_text(tensor) for tensor in inputs)
        results = ", ".join(shape_text(tensors[i]) for i in bound.node.outputs)
        text = f"{self._layer(bound)}: {bound.node.op.lower()} {shapes} -> {results}{note}"
        return f"    /* {comment_text(text)} */\n"

    def _layer(self, bound: BoundNode) -> str:
        return layer_name(bound.node.op, self._graph.tensors[bound.node.outputs[0]].name)

    def _identifier(self, step: Step) -> str:
        return f"l{step.index}_{identifier(self._layer(step.bound))}".rstrip("_")


def shape_text(tensor: Tensor) -> str:
    """The shape in C's comments: without the batch, as in (25,5,64)."""
    shape = tensor.shape[1:] if len(tensor.shape) > 1 else tensor.shape
    return f"({','.join(str(extent) for extent in shape)})"
