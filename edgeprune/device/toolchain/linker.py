"""The linker script of a microcontroller target, made from its memory regions and stack.

Flash: vectors, code, constants, then the start values of .data. RAM: the stack at the lowest
addresses, then .data, .bss and the arena. A stack that overflows leaves RAM and faults, rather than
quietly overwriting the network's activations.
"""

from edgeprune.device.target import Region, Target

SCRIPT_NAME = "firmware.ld"

# lld wants the spaces around ':'. Debug information of the compiler's own runtime holds paths of the
# machine that built it; unwinding tables are for exceptions, which C does not have.
_SCRIPT = """\
/* Made by edgeprune for the target {name}. Do not edit. */
MEMORY
{{
{memory}
}}

SECTIONS
{{
    .text : ALIGN(4) {{
        ep_flash_start = .;
        KEEP(*(.vectors))
        *(.text .text.*)
        *(.rodata .rodata.*)
        . = ALIGN(4);
    }} > {flash}

    .stack (NOLOAD) : ALIGN(8) {{
        ep_stack_bottom = .;
        . = . + (DEFINED(EP_STACK_BYTES) ? EP_STACK_BYTES : {stack_bytes});
        . = ALIGN(8);
        ep_stack_top = .;
    }} > {ram}

    .data : ALIGN(4) {{
        ep_data_start = .;
        *(.data .data.*)
        . = ALIGN(4);
        ep_data_end = .;
    }} > {ram} AT > {flash}
    ep_data_load = LOADADDR(.data);
    ep_flash_end = LOADADDR(.data) + SIZEOF(.data);

    .bss (NOLOAD) : ALIGN(16) {{
        ep_bss_start = .;
        *(.bss.ep_arena)
        *(.bss .bss.* COMMON)
        . = ALIGN(4);
        ep_bss_end = .;
    }} > {ram}

    /DISCARD/ : {{
        *(.debug*) *(.comment) *(.note*) *(.ARM.exidx*) *(.ARM.extab*) *(.eh_frame*)
    }}
}}
"""


def linker_script(target: Target, stack_bytes: int, *, extra_bytes: int = 0) -> str:
    """The script for `target`; `extra_bytes` lengthens its regions, to see what would be needed."""
    regions = (target.region("flash"), target.region("ram"))
    return _SCRIPT.format(
        name=target.name,
        memory="\n".join(_memory_line(region, extra_bytes) for region in regions),
        flash=regions[0].name,
        ram=regions[1].name,
        stack_bytes=stack_bytes,
    )


def _memory_line(region: Region, extra_bytes: int) -> str:
    rights = "rx" if region.kind == "flash" else "rw"
    length = region.length_bytes + extra_bytes
    return f"    {region.name} ({rights}) : ORIGIN = {region.origin:#010x}, LENGTH = {length:#x}"
