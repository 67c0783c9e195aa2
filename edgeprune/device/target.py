"""A Target: a kind of device, described by one folder of data under `targets/`.

`targets/<name>/target.toml` says what the device has; how to use it is said by the C files of
`runner/mcu` that it names, and by `hal.c` beside it where they do not say it all. A new target is a new
folder and no line of Python. The description is read strictly: a key that is missing,
misspelt or of the wrong type is refused, because a wrong memory map flashes a board that does not start.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from edgeprune.errors import UsageError
from edgeprune.table import did_you_mean

KINDS = ("mcu", "host", "linux")
BOARDS = ("unicorn", "qemu", "process", "qemu-user", "none")
RUNTIMES = ("litert", "native")
STATUSES = ("hardware", "emulated", "untested")
COUNTERS = ("instructions", "cycles", "nanoseconds")
REGION_KINDS = ("flash", "ram")


@dataclass(frozen=True)
class Region:
    """A range of memory: addresses `origin <= address < origin + length_bytes`."""

    name: str
    kind: str
    origin: int
    length_bytes: int

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.origin + self.length_bytes


@dataclass(frozen=True)
class Evidence:
    """What the target was last tried with, and when (ISO date)."""

    tool: str
    date: str


@dataclass(frozen=True)
class LinuxSystem:
    """What a device with an operating system has, and what that must be.

    machine      what `uname -m` says
    cores        of the CPU, for the network; 0 where any number is right
    ram_bytes    of the smallest model that is sold
    glibc        the least version for each runtime that needs one
    python       the least version for each runtime that needs one
    runtimes     that it can serve, the default first
    qemu_cpu     the CPU that QEMU's user mode emulates; None where there is no emulation
    channel_multiples  widths that its kernels compute together, best first
    tile         output and input channels that LiteRT's kernels multiply together, for the cost model
    serial       its serial devices, most usual first
    throttles_at_celsius  from where it slows down by itself; None where that is not known
    """

    machine: str
    cores: int
    ram_bytes: int
    glibc: str
    python: str
    runtimes: tuple[str, ...]
    qemu_cpu: str | None
    channel_multiples: tuple[int, ...]
    tile: tuple[int, int]
    serial: tuple[str, ...]
    throttles_at_celsius: int | None


@dataclass(frozen=True)
class Target:
    """A kind of device; `sources` names files of `runner/mcu` it needs, `folder` may hold its own `hal.c`.

    `clock_hz` is 0 where devices differ.
    `flash_wait_states` are cycles that the cycle model of a virtual board adds where the core waits
    for flash: at taken branches and at loads of constants beside the code.
    """

    name: str
    title: str
    kind: str
    core: str
    clock_hz: int
    regions: tuple[Region, ...]
    stack_bytes: int
    board: str
    status: str
    counters: tuple[str, ...]
    uart_address: int | None
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    folder: Path
    flash_wait_states: int = 0
    linux: LinuxSystem | None = None

    def region(self, kind: str) -> Region:
        """The one region of `kind` ("flash" or "ram"); a host has none: UsageError."""
        for region in self.regions:
            if region.kind == kind:
                return region
        raise UsageError(f"target {self.name} has no {kind} region", hint="choose a microcontroller target")

    @property
    def ram_available_bytes(self) -> int | None:
        """All RAM of the device; None for a host."""
        if self.linux is not None:
            return self.linux.ram_bytes or None
        return self.region("ram").length_bytes if self.regions else None

    @property
    def flash_available_bytes(self) -> int | None:
        """All flash of the device; None for a host."""
        return self.region("flash").length_bytes if self.regions else None


def targets_folder() -> Path:
    """The folder of targets: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_targets"
    return installed if installed.is_dir() else package.parent / "targets"


def target_names() -> list[str]:
    """The names of all targets, sorted."""
    return sorted(path.parent.name for path in targets_folder().glob("*/target.toml"))


@cache
def find_target(name: str) -> Target:
    """Return the target called `name`; UsageError with a "did you mean" when there is none."""
    names = target_names()
    if name not in names:
        raise UsageError(f"unknown target {name!r}", hint=did_you_mean(name, names))
    return read_target(targets_folder() / name)


def read_target(folder: Path) -> Target:
    """Read `folder/target.toml`; UsageError names the file and the key that is wrong."""
    path = folder / "target.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    return _Reader(str(path), table).target(folder)


@dataclass(frozen=True)
class _Reader:
    """Takes typed values out of one TOML table; every complaint names the file and the key."""

    where: str
    table: dict[str, Any]

    def fail(self, message: str, hint: str | None = None) -> UsageError:
        return UsageError(f"{self.where}: {message}", hint=hint)

    def only(self, *known: str) -> None:
        for key in self.table:
            if key not in known:
                raise self.fail(f"unknown key {key!r}", did_you_mean(key, known))

    def get(self, key: str, kind: type) -> Any:
        if key not in self.table:
            raise self.fail(f"key {key!r} is missing")
        value = self.table[key]
        if type(value) is not kind:  # bool is an int, but not here
            raise self.fail(f"{key} must be {kind.__name__}, got {type(value).__name__}")
        return value

    def text(self, key: str, choices: tuple[str, ...] = ()) -> str:
        value = str(self.get(key, str))
        if choices and value not in choices:
            raise self.fail(f"{key} is {value!r}", did_you_mean(value, choices))
        return value

    def number(self, key: str, least: int = 0) -> int:
        value = int(self.get(key, int))
        if not least <= value < 1 << 32:
            raise self.fail(f"{key} is {value}, must be from {least} to {(1 << 32) - 1}")
        return value

    def size(self, key: str) -> int:
        value = int(self.get(key, int))
        if not 0 <= value < 1 << 48:
            raise self.fail(f"{key} is {value}, must be a number of bytes")
        return value

    def texts(self, key: str, choices: tuple[str, ...] = ()) -> tuple[str, ...]:
        values = self.get(key, list)
        return tuple(_Reader(self.where, {key: value}).text(key, choices) for value in values)

    def multiples(self, key: str) -> tuple[int, ...]:
        values = self.get(key, list)
        if not values or any(type(value) is not int or value < 1 for value in values):
            raise self.fail(f"{key} must hold numbers above 0")
        return tuple(values)

    def pair(self, key: str) -> tuple[int, int]:
        values = self.multiples(key)
        if len(values) != 2:
            raise self.fail(f"{key} must hold two numbers")
        return values[0], values[1]

    def table_of(self, key: str) -> "_Reader":
        return _Reader(f"{self.where}: {key}", self.get(key, dict))

    def tables(self, key: str) -> list["_Reader"]:
        values = self.get(key, list) if key in self.table else []
        readers = []
        for index, value in enumerate(values):
            if not isinstance(value, dict):
                raise self.fail(f"{key}[{index}] must be a table")
            readers.append(_Reader(f"{self.where}: {key}[{index}]", value))
        return readers

    def region(self) -> Region:
        self.only("name", "kind", "origin", "length_bytes")
        region = Region(
            name=self.text("name"),
            kind=self.text("kind", REGION_KINDS),
            origin=self.number("origin"),
            length_bytes=self.number("length_bytes", least=1),
        )
        if region.end > 1 << 32:
            raise self.fail(f"region ends at {region.end:#x}, behind the address space")
        return region

    def linux(self) -> LinuxSystem:
        self.only(*LinuxSystem.__dataclass_fields__)
        heat = "throttles_at_celsius"
        return LinuxSystem(
            machine=self.text("machine", ("aarch64", "x86_64")),
            cores=self.number("cores"),
            ram_bytes=self.size("ram_bytes"),
            glibc=self.text("glibc"),
            python=self.text("python"),
            runtimes=self.texts("runtimes", RUNTIMES),
            qemu_cpu=self.text("qemu_cpu") if "qemu_cpu" in self.table else None,
            channel_multiples=self.multiples("channel_multiples"),
            tile=self.pair("tile"),
            serial=self.texts("serial"),
            throttles_at_celsius=self.number(heat) if heat in self.table else None,
        )

    def evidence(self) -> Evidence:
        self.only("tool", "date")
        return Evidence(self.text("tool"), self.text("date"))

    def is_one_clock(self) -> bool:
        """Whether all devices of the target have the same clock; those with any number of cores have not."""
        return "clock_hz" in self.table or self.table.get("linux", {}).get("cores") != 0

    def target(self, folder: Path) -> Target:
        fields = set(Target.__dataclass_fields__) - {"name", "folder"}
        self.only(*sorted(fields))
        target = Target(
            name=folder.name,
            title=self.text("title"),
            kind=self.text("kind", KINDS),
            core=self.text("core"),
            clock_hz=self.number("clock_hz", least=1) if self.is_one_clock() else 0,
            regions=tuple(table.region() for table in self.tables("regions")),
            stack_bytes=self.number("stack_bytes", least=256) if "linux" not in self.table else 0,
            board=self.text("board", BOARDS),
            status=self.text("status", STATUSES),
            counters=self.texts("counters", COUNTERS),
            uart_address=self.number("uart_address") if "uart_address" in self.table else None,
            sources=self.texts("sources"),
            evidence=tuple(table.evidence() for table in self.tables("evidence")),
            folder=folder,
            flash_wait_states=self.number("flash_wait_states") if "flash_wait_states" in self.table else 0,
            linux=self.table_of("linux").linux() if "linux" in self.table else None,
        )
        self._check_regions(target)
        return target

    def _check_regions(self, target: Target) -> None:
        kinds = sorted(region.kind for region in target.regions)
        expected = ["flash", "ram"] if target.kind == "mcu" else []
        if kinds != expected:
            raise self.fail(f"regions are {kinds}, a target of kind {target.kind} has {expected}")
        if (target.kind == "linux") != (target.linux is not None):
            raise self.fail(f"kind is {target.kind!r}, and the table 'linux' is there only for that kind")
        if target.kind == "mcu" and target.uart_address is None:
            raise self.fail("key 'uart_address' is missing")
        ordered = sorted(target.regions, key=lambda region: region.origin)
        for first, second in pairwise(ordered):
            if second.origin < first.end:
                raise self.fail(f"regions {first.name} and {second.name} overlap")
