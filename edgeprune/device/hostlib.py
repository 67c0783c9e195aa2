"""The generated C of a model, run on this computer: the device's results, thousands of times faster.

HostModel loads it as a shared library. SanitizedModel runs it in a child process, where undefined
behaviour (and, with gcc, an address outside of its object) ends that process and not ours.
Both take their sources from a folder that may hold more, such as a Bundle's `src`.
"""

import ctypes
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.device.toolchain import ZIG
from edgeprune.device.toolchain.base import MEANING_FLAGS, WARNING_FLAGS, run_tool
from edgeprune.errors import DataError, ToolError, UsageError
from edgeprune.tflite.graph import DTYPES, Array, QuantGraph, Tensor

UBSAN_FLAGS = ("-O1", "-g", "-fsanitize=undefined", "-fsanitize-trap=undefined")
# With gcc: addresses as well, guard zones around the arena and every constant.
ASAN_FLAGS = ("-O1", "-g", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")

_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)

_HOOKS = """\
#include "model.h"

void ep_layer_begin(uint32_t index)
{
    (void)index;
}

void ep_layer_end(uint32_t index)
{
    (void)index;
}
"""

# Reads the inputs of one run after the other until there are no more; answers with the outputs.
_PROCESS = """\
#include <stdio.h>

#include "model.h"

int main(void)
{
    ep_model_reset();
    for (;;) {
        for (uint32_t i = 0; i < EP_INPUT_COUNT; i++) {
            const ep_io io = ep_model_inputs[i];
            if (fread(ep_arena + io.offset_bytes, 1, io.size_bytes, stdin) != io.size_bytes) {
                return i == 0 && feof(stdin) ? 0 : 2;
            }
        }
        ep_model_run();
        for (uint32_t i = 0; i < EP_OUTPUT_COUNT; i++) {
            const ep_io io = ep_model_outputs[i];
            if (fwrite(ep_arena + io.offset_bytes, 1, io.size_bytes, stdout) != io.size_bytes) {
                return 3;
            }
        }
    }
}
"""


class _Io(ctypes.Structure):
    _fields_ = (("offset_bytes", ctypes.c_uint32), ("size_bytes", ctypes.c_uint32))


class HostModel:
    """A model's C as a shared library; one run at a time, since it has one arena.

    Runs follow each other as on a board: variables keep their values until `reset`.
    """

    def __init__(self, sources: Path, graph: QuantGraph) -> None:
        """Compile the model in `sources`; raises ToolError if it does not compile."""
        self._graph = graph
        # A loaded library stays when its file goes; Windows keeps the file, which does no harm.
        with tempfile.TemporaryDirectory(prefix="edgeprune-", ignore_cleanup_errors=True) as temporary:
            work = Path(temporary)
            names = _copy_sources(sources, work, {"host_hooks.c": _HOOKS})
            flags = ("-O3", "-shared", "-fPIC", *MEANING_FLAGS, *WARNING_FLAGS)
            ZIG.run((*flags, "-I.", *names, "-o", "model.so"), work)
            self._library = ctypes.CDLL(str(work / "model.so"))
        self._inputs = self._views("ep_model_inputs", graph.inputs)
        self._outputs = self._views("ep_model_outputs", graph.outputs)
        self.reset()

    def reset(self) -> None:
        """Put the variables to the values that they start with."""
        self._library.ep_model_reset()

    def _views(self, table: str, tensors: Sequence[int]) -> list[Array]:
        """Arrays that are the tensors' bytes in the arena."""
        arena = ctypes.addressof(ctypes.c_uint8.in_dll(self._library, "ep_arena"))
        places = (_Io * len(tensors)).in_dll(self._library, table)
        views = []
        for place, index in zip(places, tensors, strict=True):
            tensor = self._graph.tensors[index]
            if place.size_bytes != tensor.size_bytes:
                raise UsageError(f"the C is of another model: {tensor.name!r} has another size")
            raw = (ctypes.c_uint8 * place.size_bytes).from_address(arena + place.offset_bytes)
            views.append(np.frombuffer(raw, DTYPES[tensor.dtype]).reshape(tensor.shape))
        return views

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """One inference: arrays of the graph's shapes and types in, copies of its outputs out."""
        _check_inputs(self._graph, inputs)
        for view, array in zip(self._inputs, inputs, strict=True):
            view[...] = array
        self._library.ep_model_run()
        return [view.copy() for view in self._outputs]

    def run_many(self, inputs: Array) -> Array:
        """Every row of (N, *shape without batch) through a model of one input and one output.

        Rows are separate examples: each one meets the variables as they start.
        """
        if len(self._inputs) != 1 or len(self._outputs) != 1:
            raise UsageError(f"the model has {len(self._inputs)} inputs and {len(self._outputs)} outputs")
        view, result = self._inputs[0], self._outputs[0]
        if (1, *inputs.shape[1:]) != view.shape or inputs.dtype != view.dtype:
            raise DataError(
                f"inputs are {inputs.dtype} {inputs.shape}, the model takes {view.dtype} {view.shape}"
            )
        outputs = np.empty((len(inputs), *result.shape[1:]), result.dtype)
        for row, output in zip(inputs, outputs, strict=True):
            view[0] = row
            self.reset()
            self._library.ep_model_run()
            output[...] = result[0]
        return outputs


class SanitizedModel:
    """A model's C as a program of its own in `folder`, compiled with sanitizers."""

    def __init__(
        self,
        sources: Path,
        graph: QuantGraph,
        folder: Path,
        compiler: Sequence[str] | None = None,
        flags: Sequence[str] = UBSAN_FLAGS,
    ) -> None:
        """Compile; `compiler` is a command (default: zig), `flags` its sanitizers and optimisation."""
        self._graph = graph
        self._program = folder / "sanitized_model"
        names = _copy_sources(sources, folder, {"host_hooks.c": _HOOKS, "host_main.c": _PROCESS})
        command = (*(compiler or ZIG.find()), *flags, *MEANING_FLAGS, *WARNING_FLAGS, "-I.", *names)
        run_tool((*command, "-o", self._program.name), folder, ZIG.environment())

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """As HostModel.run after a reset; raises ToolError when a sanitizer ended the program."""
        return self.runs([inputs])[0]

    def runs(self, runs: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """The outputs of `runs` in a row, from a reset."""
        for inputs in runs:
            _check_inputs(self._graph, inputs)
        sent = b"".join(np.ascontiguousarray(array).tobytes() for inputs in runs for array in inputs)
        done = subprocess.run([str(self._program)], input=sent, capture_output=True, check=False)
        if done.returncode:
            told = done.stderr.decode(errors="replace")[-2000:]
            raise ToolError(f"the sanitized model ended with status {done.returncode}\n{told}")
        results: list[list[Array]] = []
        at = 0
        for _ in runs:
            results.append([])
            for tensor in (self._graph.tensors[i] for i in self._graph.outputs):
                raw = done.stdout[at : at + tensor.size_bytes]
                results[-1].append(np.frombuffer(raw, DTYPES[tensor.dtype]).reshape(tensor.shape))
                at += tensor.size_bytes
        return results


def model_sources(folder: Path) -> dict[str, str]:
    """The files of the model alone: model.c, what it includes, and the sources of those headers."""
    texts: dict[str, str] = {}
    wanted = ["model.c"]
    while wanted:
        name = wanted.pop()
        if name in texts or not (folder / name).is_file():
            continue  # a header need not have a source; a missing header is the compiler's to report
        texts[name] = (folder / name).read_text(encoding="utf-8")
        headers = _INCLUDE.findall(texts[name])
        wanted += [*headers, *(f"{header.removesuffix('.h')}.c" for header in headers)]
    if not texts:
        raise UsageError(f"{folder} has no model.c")
    return texts


def _copy_sources(sources: Path, work: Path, more: Mapping[str, str]) -> list[str]:
    """Write the model's files and `more` to `work`; return the names of the C files."""
    texts = {**model_sources(sources), **more}
    for name, text in texts.items():
        (work / name).write_text(text, encoding="utf-8")
    return sorted(name for name in texts if name.endswith(".c"))


def _check_inputs(graph: QuantGraph, inputs: Sequence[Array]) -> None:
    tensors: list[Tensor] = [graph.tensors[index] for index in graph.inputs]
    if len(inputs) != len(tensors):
        raise DataError(f"the model has {len(tensors)} inputs, {len(inputs)} were given")
    for tensor, array in zip(tensors, inputs, strict=True):
        if array.shape != tensor.shape or array.dtype != DTYPES[tensor.dtype]:
            raise DataError(
                f"input {tensor.name!r} is {tensor.dtype} {tensor.shape}, got {array.dtype} {array.shape}"
            )
