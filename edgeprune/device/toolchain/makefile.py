"""The two files that make a folder of generated C buildable by itself: Makefile and linker script."""

from collections.abc import Iterable

from edgeprune.device.target import Target
from edgeprune.device.toolchain.base import Toolchain
from edgeprune.device.toolchain.linker import SCRIPT_NAME, linker_script
from edgeprune.ops.cores import Optimize

_HEAD = """\
# Builds firmware.elf for {target}, the same bytes as edgeprune did:
#     make                      with the toolchain {first}{others}
TOOLCHAIN = {first}
PYTHON = python3

"""

_VARIABLES = """\
CC_{name} = {command}
CFLAGS_{name} = {flags}
LDFLAGS_{name} = {link_flags}

"""

_RULES = """\
OBJECTS = $(patsubst %.c,%.o,$(sort $(wildcard *.c)))

firmware.elf: $(OBJECTS){script}
\t$(CC_$(TOOLCHAIN)) $(subst -Os,-O2,$(CFLAGS_$(TOOLCHAIN))) $(LDFLAGS_$(TOOLCHAIN)) $(OBJECTS) {last} -o $@

%.o: %.c $(wildcard *.h)
\t$(CC_$(TOOLCHAIN)) $(CFLAGS_$(TOOLCHAIN)) -I. -c $< -o $@

clean:
\trm -f $(OBJECTS) firmware.elf

.PHONY: clean
"""


def build_files(
    target: Target, toolchains: Iterable[Toolchain], stack_bytes: int, optimize: Optimize = "balanced"
) -> dict[str, str]:
    """The files to put beside the C, by name; of `toolchains`, those that know the target's core.

    The first toolchain is the one that plain `make` takes. `stack_bytes` is what its firmware was found
    to need; others reserve what the target states.
    """
    able = [toolchain for toolchain in toolchains if target.core in toolchain.core_flags]
    is_host = target.kind == "host"
    own_stack = (f"-Wl,--defsym=EP_STACK_BYTES={target.stack_bytes}",)
    others = "".join(f"\n#     make TOOLCHAIN={toolchain.name}" for toolchain in able[1:])
    variables = "".join(
        _VARIABLES.format(
            name=toolchain.name,
            command=toolchain.make_command,
            flags=" ".join(toolchain.flags(target.core, optimize)),
            link_flags=" ".join(() if is_host else (*toolchain.link_flags, *reserve)),
        )
        for toolchain, reserve in zip(able, [(), *[own_stack] * len(able)], strict=False)
    )
    rules = _RULES.format(
        script="" if is_host else f" {SCRIPT_NAME}",
        last="-lm" if is_host else f"-Wl,-T,{SCRIPT_NAME}",
    )
    head = _HEAD.format(target=target.name, first=able[0].name, others=others)
    files = {"Makefile": head + variables + rules}
    return files if is_host else {**files, SCRIPT_NAME: linker_script(target, stack_bytes)}
