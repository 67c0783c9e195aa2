"""What a toolchain is: a command that compiles and links, and its flags for each core."""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeprune.errors import ToolError, UsageError
from edgeprune.ops.cores import Optimize

# Kernels compute floats as TFLM does: products are rounded before they are added, with FMA or without.
MEANING_FLAGS = ("-std=c11", "-ffp-contract=off", "-fno-strict-aliasing")
WARNING_FLAGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
SIZE_FLAGS = ("-ffunction-sections", "-fdata-sections")
FREESTANDING_FLAGS = (
    "-ffreestanding",
    "-fomit-frame-pointer",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
)
# Counted in an emulated Cortex-M4 on MLPerf Tiny's kws, ad and sww: with zig -O3 gives the same code as
# -O2, with gcc 12 it saves 0.3 % of instructions. Never link with zig's -Os: it strips the symbols.
OPTIMISE_FLAGS: Mapping[Optimize, str] = {"speed": "-O2", "balanced": "-O2", "size": "-Os"}
# zig does not heed ENTRY in a linker script.
FIRMWARE_LINK_FLAGS = ("-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,-e,ep_reset")

# The operating system's words, and zig's own, for what is no fault of the code that is compiled.
_REFUSALS = (
    *("No space left on device", "NoSpaceLeft", "Read-only file system", "ReadOnlyFileSystem"),
    *("Permission denied", "AccessDenied", "PermissionDenied", "File too large", "FileTooBig"),
)
OUTPUT_LINES = 20  # of a failed tool, in the message


@dataclass(frozen=True)
class Toolchain:
    """A C compiler that also links.

    find         the command's first words; raises NotFoundError with the install line as hint
    make_command the same in a Makefile
    core_flags   by core, flags for compiling and linking
    link_flags   flags for linking firmware, FIRMWARE_LINK_FLAGS among them
    environment  what it needs in its environment
    """

    name: str
    find: Callable[[], tuple[str, ...]]
    make_command: str
    core_flags: Mapping[str, tuple[str, ...]]
    link_flags: tuple[str, ...]
    environment: Callable[[], Mapping[str, str]] = dict

    def flags(self, core: str, optimize: Optimize = "balanced") -> tuple[str, ...]:
        """All flags to compile a file for `core`; UsageError if the toolchain does not know it."""
        if core not in self.core_flags:
            raise UsageError(
                f"toolchain {self.name} has no flags for the core {core!r}",
                hint=f"known cores: {', '.join(self.core_flags)}",
            )
        freestanding = () if self.is_hosted(core) else FREESTANDING_FLAGS
        return (
            *self.core_flags[core],
            OPTIMISE_FLAGS[optimize],
            *MEANING_FLAGS,
            *freestanding,
            *SIZE_FLAGS,
            *WARNING_FLAGS,
        )

    def is_hosted(self, core: str) -> bool:
        """Whether programs for `core` run on an operating system, with its C library."""
        return core == "host" or any("-linux-" in flag for flag in self.core_flags[core])

    def run(self, arguments: Sequence[str], folder: Path) -> None:
        """Run the compiler in `folder`; ToolError holds the command and the last lines if it fails."""
        run_tool((*self.find(), *arguments), folder, self.environment())


def run_tool(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run `command` in `folder`; raises ToolError if its exit status is not 0."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-OUTPUT_LINES:]
        refused = next((line for line in lines if any(word in line for word in _REFUSALS)), None)
        if refused is not None:
            raise UsageError(
                f"{Path(command[0]).name} could not write its files: {refused.strip()[:200]}",
                hint="free some space; EDGEPRUNE_CACHE_DIR and TMPDIR say where it writes",
            )
        raise ToolError(
            f"{shlex.join(command)}\nended with status {done.returncode}:\n" + "\n".join(lines),
        )
