"""Virtual boards of all cores: Unicorn runs the firmware, this file is the board around it.

Memory is exactly what the target has: flash that cannot be written, RAM that ends where it ends, so
that a stray access or a stack that grows out of RAM stops the board. A CMSDK UART and a counter are
memory-mapped devices. Counting needs a callback for every block of code and is some thirty times
slower, so it is only on between the firmware's writes of 1 and 0 to the counter's control register.

Counts are exact: a block counts as its instructions when it is entered, which is what QEMU's -icount
counts too. A counter read inside a block includes the rest of that block; the firmware reads all its
counters through one function, and takes off what it reads for nothing at all.
"""

import threading
import time
from typing import Any

from edgeprune.device.cores import CORES, Core
from edgeprune.device.emulator.cycles import Block, CycleModel, read_block
from edgeprune.device.emulator.signals import postponed
from edgeprune.device.target import Target
from edgeprune.errors import BoardError, InternalError

PAGE_BYTES = 4096
COUNTER_ADDRESS = 0x4001_0000
SYSTEM_ADDRESS = 0xE000_E000
CPACR, AIRCR = 0xD88, 0xD0C
AIRCR_RESET_REQUEST = 0x05FA_0004
AIRCR_RESET_MASK = 0xFFFF_0004
SLICE_S = 0.5
"""How long the core runs before the deadline is looked at."""
EMPTY_POLLS = 64
"""So many looks at an empty UART in a row, and the firmware is waiting for input."""
BLOCKS_PER_LOOK = 1 << 16
"""Counted blocks between two looks at the deadline."""


class Counter:
    """Counts how often each block follows each other; sums are made when somebody reads them."""

    def __init__(self, fetch: Any, model: CycleModel | None, flash_wait_states: int = 0) -> None:
        self._fetch = fetch
        self._model = model
        self._flash_wait_states = flash_wait_states
        self._blocks: dict[int, Block] = {}
        self._ends: dict[int, int] = {}
        self.reset()

    def reset(self) -> None:
        """Start from zero."""
        self.edges: dict[tuple[int, int], int] = {}
        self.previous = 0
        self.is_on = False
        self._instructions = 0
        self._cycles = 0

    def describe(self, address: int, size_bytes: int) -> None:
        """Take note of the code of a block that is met for the first time."""
        code = self._fetch(address, size_bytes)
        self._blocks[address] = read_block(code, self._model, self._flash_wait_states)
        self._ends[address] = address + size_bytes

    def knows(self, address: int, size_bytes: int) -> bool:
        """Whether this very block was described."""
        return self._ends.get(address) == address + size_bytes

    def totals(self) -> tuple[int, int | None]:
        """Instructions and cycles so far, the block that runs included; None where no model counts them."""
        for (before, after), times in self.edges.items():
            block = self._blocks[after]
            self._instructions += times * block.instructions
            self._cycles += times * (block.cycles + self._branch_cycles(before, after))
        self.edges.clear()
        return self._instructions, None if self._model is None else self._cycles

    def _branch_cycles(self, before: int, after: int) -> int:
        if self._model is None or not before or self._ends[before] == after:
            return 0
        refill = self._blocks[before].refill
        if not refill:
            return 0
        first = int.from_bytes(self._fetch(after, 2), "little")
        return refill + self._model.landing(after, first)


def new_machine(core: Core) -> Any:
    """A machine with the CPU of `core` and no memory; InternalError where Unicorn has no such CPU.

    Not in the mode UC_MODE_MCLASS: there Unicorn 2.1 takes a Cortex-M33, whatever model is asked for.
    """
    import unicorn
    from unicorn import arm_const

    if core.unicorn is None:
        raise InternalError(f"Unicorn has no {core.name}")
    machine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    machine.ctl_set_cpu_model(getattr(arm_const, core.unicorn))
    return machine


class UnicornBoard:
    """A running virtual board of any core that Unicorn has; the Link that a Session talks over."""

    def __init__(self, target: Target, image: bytes) -> None:
        self._target = target
        self._core = CORES[target.core]
        self._flash = target.region("flash")
        self._ram = target.region("ram")
        self._received = bytearray()
        self._sent = bytearray()
        self.flash(image)

    # --- Link

    def write(self, data: bytes) -> None:
        """Bytes to the board's UART."""
        self._received += data

    def read(self, timeout_s: float) -> bytes:
        """What the board says until it waits for input; b"" when it has nothing to say."""
        deadline = time.monotonic() + timeout_s
        while not self._sent and self._run(deadline):
            pass
        sent = bytes(self._sent)
        self._sent.clear()
        return sent

    def reset(self) -> None:
        """As the reset button does: memory and CPU start anew, flash stays."""
        self._received.clear()
        self._sent.clear()
        self._power_on()

    def flash(self, image: bytes) -> None:
        """Program `image` and start it; BoardError where it is larger than the flash."""
        if len(image) > self._flash.length_bytes:
            raise BoardError(
                f"image has {len(image)} bytes, the flash of {self._target.name} {self._flash.length_bytes}"
            )
        if len(image) < 8:
            raise BoardError(
                "the image is too short to hold a vector table", hint="flash a Bundle's firmware"
            )
        self._image = image
        self.reset()

    def close(self) -> None:
        """Nothing to give back."""

    def fileno(self) -> int | None:
        """None: there is no file to wait for."""
        return None

    @property
    def is_idle(self) -> bool:
        """Whether the firmware waits for input, or crashed."""
        return bool(self._crash) or (self._is_waiting and not self._received)

    # --- the machine

    def _power_on(self) -> None:
        import unicorn
        from unicorn import arm_const

        self._unicorn = unicorn
        self._pc_register = arm_const.UC_ARM_REG_PC
        machine = new_machine(self._core)
        flash, ram = self._flash, self._ram
        machine.mem_map(flash.origin, flash.length_bytes, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        machine.mem_write(flash.origin, self._image.ljust(flash.length_bytes, b"\xff"))
        machine.mem_map(ram.origin, ram.length_bytes, unicorn.UC_PROT_ALL)
        uart = self._target.uart_address
        assert uart is not None  # every target of kind mcu has one
        self._map_device(machine, uart, self._uart_read, self._uart_write)
        self._map_device(machine, COUNTER_ADDRESS, self._counter_read, self._counter_write)
        self._map_device(machine, SYSTEM_ADDRESS, self._system_read, self._system_write)
        self._machine = machine
        self._counter = Counter(
            lambda address, count: bytes(machine.mem_read(address, count)),
            self._core.cycles,
            self._target.flash_wait_states,
        )
        self._hook: Any = None
        self._latched: tuple[int, int | None] = (0, 0)
        self._cpacr = 0
        self._is_waiting = False
        self._empty_polls = 0
        self._wants_reset = False
        self._wants_counting = False
        self._crash: str | None = None
        self.crash_pc: int | None = None
        self._bad_address: int | None = None
        invalid = unicorn.UC_HOOK_MEM_UNMAPPED | unicorn.UC_HOOK_MEM_PROT
        machine.hook_add(invalid, self._on_invalid)
        machine.reg_write(arm_const.UC_ARM_REG_SP, int.from_bytes(self._image[:4], "little"))
        self._pc = int.from_bytes(self._image[4:8], "little") & ~1

    def _map_device(self, machine: Any, address: int, read: Any, write: Any) -> None:
        machine.mmio_map(address, PAGE_BYTES, read, None, write, None)

    def _run(self, deadline: float) -> bool:
        """Run until the board says something or waits; False when it waits or time is up."""
        if self._crash:
            raise BoardError(self._crash, hint="reset the board; profile does it by itself")
        left_s = deadline - time.monotonic()
        if left_s <= 0 or (self._is_waiting and not self._received):
            return False
        self._deadline = deadline
        self._is_waiting = False
        self._empty_polls = 0
        # Not while counting: a block might be counted, and then stopped before it runs.
        watch = (
            None if self._hook is not None else threading.Timer(min(left_s, SLICE_S), self._machine.emu_stop)
        )
        if watch is not None:  # Unicorn's own timeout would cost two milliseconds each time
            watch.daemon = True
            watch.start()
        try:
            with postponed(self._stop_soon):
                self._machine.emu_start(self._pc | 1, 0)
        except self._unicorn.UcError as error:
            raise self._crashed(error) from error
        finally:
            if watch is not None:
                watch.cancel()
        self._pc = self._machine.reg_read(self._pc_register)
        if self._wants_reset:
            self._received_after_reset()
        self._switch_counting()
        return True

    def _stop_soon(self) -> None:
        self._deadline = 0.0  # where the core has not started yet, the block hook stops it
        self._machine.emu_stop()

    def _received_after_reset(self) -> None:
        sent = bytes(self._sent)  # the reply to the reset itself still arrives
        received = bytes(self._received)
        self.reset()
        self._sent += sent
        self._received += received

    def _crashed(self, error: Exception) -> BoardError:
        pc = int(self._machine.reg_read(self._pc_register))
        where = "" if self._bad_address is None else f", address {self._bad_address:#010x}"
        self._crash = f"the firmware on {self._target.name} crashed at pc {pc:#010x}{where}: {error}"
        self.crash_pc = pc
        return BoardError(self._crash, hint="reset the board; if it crashes again the firmware is at fault")

    def _on_invalid(self, _machine: Any, _kind: int, address: int, *_rest: object) -> bool:
        self._bad_address = address
        return False

    def _switch_counting(self) -> None:
        if self._wants_counting == (self._hook is not None):
            return
        if self._wants_counting:
            self._hook = self._machine.hook_add(self._unicorn.UC_HOOK_BLOCK, self._make_block_hook())
        else:
            self._machine.hook_del(self._hook)
            self._hook = None
        self._machine.ctl_remove_cache(self._flash.origin, self._flash.end)
        self._machine.ctl_remove_cache(self._ram.origin, self._ram.end)

    def _make_block_hook(self) -> Any:
        counter = self._counter
        edges = counter.edges
        ends = counter._ends
        looks = [0]

        def on_block(machine: Any, address: int, size: int, _data: object) -> None:
            looks[0] += 1
            if looks[0] >= BLOCKS_PER_LOOK:
                looks[0] = 0
                if time.monotonic() > self._deadline:
                    machine.emu_stop()  # before this block runs, so it is counted when it does
                    return
            if ends.get(address) != address + size:
                counter.describe(address, size)
            edge = (counter.previous, address)
            edges[edge] = edges.get(edge, 0) + 1
            counter.previous = address

        return on_block

    # --- devices

    def _uart_read(self, _machine: Any, offset: int, _size: int, _data: object) -> int:
        if offset == 4:  # polled before sending, too: only many polls in a row mean waiting
            if self._received:
                return 2
            self._empty_polls += 1
            if self._empty_polls >= EMPTY_POLLS:
                self._is_waiting = True
                self._machine.emu_stop()
            return 0
        if offset == 0 and self._received:
            return self._received.pop(0)
        return 0

    def _uart_write(self, _machine: Any, offset: int, _size: int, value: int, _data: object) -> None:
        if offset == 0:
            self._empty_polls = 0
            self._sent.append(value & 0xFF)

    def _counter_read(self, _machine: Any, offset: int, _size: int, _data: object) -> int:
        if offset == 0:
            return int(self._hook is not None)
        if offset == 4:
            self._latched = self._counter.totals()
            return 0
        value = self._latched[(offset - 8) // 8 & 1] or 0
        return (value >> (32 if offset & 4 else 0)) & 0xFFFF_FFFF

    def _counter_write(self, _machine: Any, offset: int, _size: int, value: int, _data: object) -> None:
        if offset == 0:
            self._wants_counting = bool(value & 1)
            if self._wants_counting != (self._hook is not None):
                self._machine.emu_stop()  # the write runs again after the stop, and then changes nothing

    def _system_read(self, _machine: Any, offset: int, _size: int, _data: object) -> int:
        return self._cpacr if offset == CPACR else 0

    def _system_write(self, _machine: Any, offset: int, _size: int, value: int, _data: object) -> None:
        if offset == CPACR:
            self._cpacr = value
        if offset == AIRCR and value & AIRCR_RESET_MASK == AIRCR_RESET_REQUEST:
            self._wants_reset = True
            self._machine.emu_stop()
