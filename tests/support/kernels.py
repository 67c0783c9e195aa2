"""Runs C kernels on this machine: all cases of one operator in one program, buffers guarded.

Each case is a network of one node. Its variables live as long as the program, so runs of a case follow
each other.

The program reads runs from its input: a case's number (uint32), then the bytes of the kernel's
computed inputs. It answers with the bytes of the outputs, each between guards that must be intact.
"""

import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import edgeprune.ops
from edgeprune.codegen.kernels import c_files, kernel_files
from edgeprune.codegen.writer import CTYPES, ConstantPool, call_text, params_text
from edgeprune.ops import BoundNode
from edgeprune.ops.base import Case, KernelCall, Op
from edgeprune.ops.choose import candidates, choose
from edgeprune.ops.cores import PORTABLE, Goal
from edgeprune.tflite.graph import Array, QuantGraph
from support.tools import missing

OPS_FOLDER = Path(edgeprune.ops.__file__).parent
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror"]

MAIN = """
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 64

#ifdef EP_INPUTS_END_PAGES /* where no sanitizer sees what is read behind an input */
#include <sys/mman.h>
#define PAGE 4096u
/* So many bytes that end where nothing may be read any more. */
static void *new_input(size_t bytes)
{
    const size_t pages = (bytes + PAGE - 1u) / PAGE * PAGE;
    uint8_t *memory = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + pages, PAGE, PROT_NONE) != 0) {
        exit(2);
    }
    return memory + (pages - bytes);
}
#define free(memory) ((void)(memory)) /* the process is short */
#else
#define new_input malloc
#endif

__attribute__((unused)) static void *load(size_t bytes)
{
    void *buffer = new_input(bytes);
    if (buffer == NULL || fread(buffer, 1, bytes, stdin) != bytes) {
        fprintf(stderr, "input ends early\\n");
        exit(2);
    }
    return buffer;
}

static uint8_t *guarded(size_t bytes)
{
    uint8_t *buffer = malloc(bytes + 2 * GUARD);
    if (buffer == NULL) {
        exit(2);
    }
    memset(buffer, 0xA5, bytes + 2 * GUARD);
    return buffer + GUARD;
}

static void check(const char *what, uint8_t *buffer, size_t bytes)
{
    for (size_t i = 0; i < GUARD; i++) {
        if (buffer[bytes + i] != 0xA5 || *(buffer - 1 - i) != 0xA5) {
            fprintf(stderr, "%s: written outside its buffer\\n", what);
            exit(3);
        }
    }
}

static void release(uint8_t *buffer)
{
    free(buffer - GUARD);
}
"""


@dataclass(frozen=True)
class Run:
    """A case with arrays for the network's inputs."""

    case: int
    inputs: tuple[Array, ...]


class KernelProgram:
    """The compiled kernels of one operator's cases; `calls` are in the order of the cases.

    Kernels are those that `goal` would have, or the variant `pick` where it fits; `emulator` is a command
    that runs the program.
    """

    def __init__(
        self,
        op: Op,
        cases: Sequence[Case],
        folder: Path,
        compiler: Sequence[str],
        goal: Goal = PORTABLE,
        emulator: Sequence[str] = (),
        pick: str | None = None,
    ) -> None:
        self._cases = cases
        self._emulator = emulator
        graphs = [case.graph for case in cases]
        self.calls = [_call(op, graph, goal, pick) for graph in graphs]
        sources = copy_kernels({call.kernel for call in self.calls}, folder)
        main = folder / "main.c"
        main.write_text(_main_text(graphs, self.calls))
        self._program = folder / "kernels"
        objects = [str(path) for path in (main, *sources)]
        compile_c([*compiler, "-O1", "-ffp-contract=off", *objects, "-o", str(self._program), "-lm"])

    def outputs(self, runs: Sequence[Run]) -> list[list[bytes]]:
        """The bytes of each run's outputs; raises AssertionError when the program fails."""
        done = subprocess.run(
            [*self._emulator, str(self._program)],
            input=b"".join(map(self._input, runs)),
            capture_output=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
        results, at = [], 0
        for run in runs:
            tensors = self._cases[run.case].graph.tensors
            sizes = [tensors[i].size_bytes for i in self.calls[run.case].outputs]
            results.append([])
            for size in sizes:
                results[-1].append(done.stdout[at : at + size])
                at += size
        assert at == len(done.stdout)
        return results

    def _input(self, run: Run) -> bytes:
        graph = self._cases[run.case].graph
        arrays = dict(zip(graph.inputs, run.inputs, strict=True))
        computed = [i for i in self.calls[run.case].inputs if not graph.tensors[i].is_constant]
        return struct.pack("<I", run.case) + b"".join(arrays[i].tobytes() for i in computed)


def _call(op: Op, graph: QuantGraph, goal: Goal, pick: str | None) -> KernelCall:
    bound = BoundNode(graph.nodes[0], op, op.checked(graph, graph.nodes[0]), 0)
    fitting = [variant.name for variant in candidates(bound, goal)]
    return choose(bound, goal, pick if pick in fitting else None)


def copy_kernels(kernels: set[str], folder: Path) -> list[Path]:
    """Copy the C files of `kernels`, and all headers, into `folder`; returns the C files there."""
    for header in OPS_FOLDER.rglob("*.h"):
        shutil.copy(header, folder)
    sources = [name for name in kernel_files(kernels) if name.endswith(".c")]
    return [Path(shutil.copy(c_files()[name], folder)) for name in sources]


def kernel_sources() -> list[Path]:
    """Every C file of every operator."""
    return sorted(OPS_FOLDER.rglob("*.c"))


def compile_c(command: Sequence[str], folder: Path | None = None) -> None:
    """Run a compiler, in `folder` if given; its complaints are the failure's text."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-4000:]}"


def zig_cc() -> list[str]:
    """The command of zig's C compiler."""
    try:
        import ziglang  # noqa: F401
    except ImportError:
        missing("the Python package ziglang")
    return [sys.executable, "-m", "ziglang", "cc"]


def sanitizing_zig() -> list[str]:
    """zig's compiler, undefined behaviour is a trap."""
    return [*zig_cc(), *WARNINGS, "-g", "-fsanitize=undefined", "-fsanitize-trap=undefined"]


def sanitizing_gcc() -> list[str]:
    """The system's gcc: undefined behaviour and addresses outside of objects end the program."""
    if shutil.which("gcc") is None:
        missing("the program gcc")
    return ["gcc", *WARNINGS, "-g", "-fsanitize=undefined,address", "-fno-sanitize-recover=all"]


def _main_text(graphs: Sequence[QuantGraph], calls: Sequence[KernelCall]) -> str:
    pool = ConstantPool()
    includes = "".join(f'#include "{kernel}.h"\n' for kernel in sorted({call.kernel for call in calls}))
    cases = [_case_text(number, *pair, pool) for number, pair in enumerate(zip(graphs, calls, strict=True))]
    switch = "".join(f"        case {i}: case_{i}(); break;\n" for i in range(len(calls)))
    loop = (
        "int main(void)\n{\n    uint32_t number;\n    while (fread(&number, 4, 1, stdin) == 1) {\n"
        f"        switch (number) {{\n{switch}        default: return 4;\n        }}\n    }}\n"
        "    return 0;\n}\n"
    )
    return "\n".join((MAIN, includes, pool.definitions(), *cases, loop))


def _case_text(number: int, graph: QuantGraph, call: KernelCall, pool: ConstantPool) -> str:
    """The function that loads inputs, runs the kernel, checks the guards and sends the outputs."""
    params = params_text(f"params_{number}", call, pool)
    arguments, before, after = [], [], []
    for position, index in enumerate(call.inputs):
        tensor = graph.tensors[index]
        name, ctype = f"in{position}", CTYPES[tensor.dtype]
        if tensor.is_constant:
            name = pool.add(f"c{number}_{name}", ctype, tensor.array())
        else:
            before.append(f"const {ctype} *{name} = load({tensor.size_bytes});")
            after.append(f"free((void *)(uintptr_t){name});")
        arguments.append(name)
    for position, index in enumerate(call.outputs):
        tensor = graph.tensors[index]
        name, size = f"out{position}", tensor.size_bytes
        before.append(f"uint8_t *{name} = guarded({size});")
        arguments.append(f"({CTYPES[tensor.dtype]} *)(void *){name}")
        after.append(f'check("case {number}", {name}, {size});')
        after.append(f"fwrite({name}, 1, {size}, stdout);")
        after.append(f"release({name});")
    for position, index in enumerate(call.state):
        tensor = graph.tensors[index]
        name, size = f"state{position}", tensor.size_bytes
        start = pool.add(f"c{number}_{name}", CTYPES[tensor.dtype], tensor.array())
        before.append(f"static uint8_t *{name};")
        before.append(f"if ({name} == NULL) {{ {name} = guarded({size}); memcpy({name}, {start}, {size}); }}")
        arguments.append(f"({CTYPES[tensor.dtype]} *)(void *){name}")
        after.append(f'check("case {number} {name}", {name}, {size});')
    if call.scratch_bytes:
        before.append(f"uint8_t *scratch = guarded({call.scratch_bytes});")
        arguments.append("(void *)scratch")
        after.append(f'check("case {number} scratch", scratch, {call.scratch_bytes});')
        after.append("release(scratch);")
    lines = [*before, call_text(call, f"params_{number}", arguments), *after]
    body = "\n".join(f"    {line}" for line in lines)
    return f"{params}\nstatic void case_{number}(void)\n{{\n{body}\n}}\n"
