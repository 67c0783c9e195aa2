"""The serial protocol: declared here once, for the parser in Python and for the header in C.

A line is text that any terminal shows, ended by a newline:

    >0007 load input=0 offset=80 data=00ff7f *5f3c9a01      host to board: a request
    <0007 load length=3 *c0ffee12                           board to host: its reply
    !0007 nak code=bad_offset detail=c00 *0badcafe          board to host: refused, and why

Four hex digits number the request; the reply repeats them, so that a late reply to an older request
is told from the one that is awaited. The last word is the CRC-32 (zlib's) of everything before its
space. Integers are hexadecimal without prefix. A line that is damaged or too long is answered by a
nak with number 0000; whatever the line was, the next newline starts afresh.

Every request may be sent again when its reply got lost: `load` writes the same bytes to the same
place, and `run` with the token of the run that was just done only repeats its answer. What a network with
state computes depends on the runs before, so each run tells how many there have been since the state was
reset: a board that lost its state on the way gives itself away.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from edgeprune import __version__
from edgeprune.table import Table

PROTOCOL = 3
LINE_BYTES = 320
"""The longest request, newline included: the size of the board's line buffer."""
CHUNK_BYTES = 128
"""Most data bytes in one line to or from a microcontroller."""
LINUX_CHUNK_BYTES = 1024
"""Most data bytes in one line at all: a Linux device has room for longer lines."""
WORD_BYTES = 48
"""The longest word."""
UNKNOWN_SEQUENCE = 0
"""What a nak carries when the request was too damaged to know its number."""

Value = int | str | bytes


class Kind(Enum):
    """What a field holds."""

    U32 = "u32"
    U64 = "u64"
    WORD = "word"
    BYTES = "bytes"


@dataclass(frozen=True)
class Field:
    """One `name=value` of a line."""

    name: str
    kind: Kind = Kind.U32


@dataclass(frozen=True)
class Command:
    """What the host may ask, and what the board answers; some only a board with an operating system."""

    name: str
    about: str
    request: tuple[Field, ...]
    reply: tuple[Field, ...]
    is_for_linux: bool = False


@dataclass(frozen=True)
class Nak:
    """A reason to refuse a request."""

    name: str
    about: str


COMMANDS: Table[Command] = Table(
    "wire command",
    Command(
        "identify",
        "Who is there; the first thing to ask. The reply repeats the nonce.",
        request=(Field("nonce"),),
        reply=(
            Field("nonce"),
            Field("protocol"),
            Field("runner", Kind.WORD),
            Field("build", Kind.WORD),
            Field("target", Kind.WORD),
        ),
    ),
    Command(
        "model",
        "Which network the firmware holds; `state`: the bytes that it keeps from one run to the next.",
        request=(),
        reply=(Field("hash", Kind.WORD), Field("layers"), Field("inputs"), Field("outputs"), Field("state")),
    ),
    Command(
        "device",
        "What the board can do. `counters`: bit 0 instructions, bit 1 cycles, bit 2 nanoseconds, which the "
        "fields `cycles` then hold. `features`: bit 0 documents, bit 1 jobs.",
        request=(),
        reply=(Field("clock_hz"), Field("counters"), Field("chunk"), Field("features")),
    ),
    Command("input", "The size of an input.", request=(Field("index"),), reply=(Field("size"),)),
    Command("output", "The size of an output.", request=(Field("index"),), reply=(Field("size"),)),
    Command(
        "load",
        "Write bytes into an input.",
        request=(Field("input"), Field("offset"), Field("data", Kind.BYTES)),
        reply=(Field("input"), Field("offset"), Field("length")),
    ),
    Command(
        "run",
        "Run the network if the inputs' CRC-32 (all, in order) is `crc`; `measure` 1 also times layers. "
        "The same `token` again repeats the answer, and does not run again. `age` counts the runs since the "
        "state was reset, this one included.",
        request=(Field("token"), Field("crc"), Field("measure")),
        reply=(
            Field("token"),
            Field("crc"),
            Field("instructions", Kind.U64),
            Field("cycles", Kind.U64),
            Field("age"),
        ),
    ),
    Command("reset_state", "Put the network's variables to what they start with.", request=(), reply=()),
    Command(
        "layer",
        "One layer's counts in the last measured run.",
        request=(Field("token"), Field("index")),
        reply=(Field("index"), Field("instructions"), Field("cycles")),
    ),
    Command(
        "read",
        "Bytes of an output of run `token`.",
        request=(Field("token"), Field("output"), Field("offset"), Field("length")),
        reply=(Field("output"), Field("offset"), Field("data", Kind.BYTES)),
    ),
    Command(
        "memory",
        "`ram` is .data and .bss with the arena; `stack_peak` the most stack used since the start.",
        request=(),
        reply=(Field("arena"), Field("ram"), Field("stack"), Field("stack_peak"), Field("flash")),
    ),
    Command("flash", "CRC-32 of the programmed image.", request=(), reply=(Field("length"), Field("crc"))),
    Command("reset", "Start again, as after power on; the reply comes first.", request=(), reply=()),
    Command(
        "document",
        "Make the JSON document `title` ready to be fetched: `system`, or `job-TOKEN` with eight hex digits.",
        request=(Field("title", Kind.WORD),),
        reply=(Field("length"), Field("crc")),
        is_for_linux=True,
    ),
    Command(
        "fetch",
        "Bytes of a document that is ready.",
        request=(Field("title", Kind.WORD), Field("offset"), Field("length")),
        reply=(Field("offset"), Field("data", Kind.BYTES)),
        is_for_linux=True,
    ),
    Command(
        "start",
        "Begin timed runs on the inputs that were loaded, whose CRC-32 is `crc`; they go on whatever happens "
        "to the line, and their results stay on the device until `forget`. The same `token` again changes "
        "nothing.",
        request=(Field("token"), Field("crc"), Field("runs"), Field("warm_up")),
        reply=(Field("token"),),
        is_for_linux=True,
    ),
    Command(
        "progress",
        "How far a job is; `state` is running, done, failed or unknown.",
        request=(Field("token"),),
        reply=(Field("token"), Field("done"), Field("total"), Field("state", Kind.WORD)),
        is_for_linux=True,
    ),
    Command("forget", "Delete the results of a job.", request=(Field("token"),), reply=(), is_for_linux=True),
)

MCU_COMMANDS = tuple(command for command in COMMANDS if not command.is_for_linux)
NATIVE_COMMANDS = (*MCU_COMMANDS, COMMANDS["document"], COMMANDS["fetch"])
"""What the C for Linux answers: documents, but no jobs."""
COUNTS_INSTRUCTIONS, COUNTS_CYCLES, COUNTS_NANOSECONDS = 1, 2, 4
HAS_DOCUMENTS, HAS_JOBS = 1, 2

NAKS: Table[Nak] = Table(
    "nak",
    Nak("bad_line", "The line is not a request, or its CRC-32 is wrong."),
    Nak("too_long", "The line is longer than the board's buffer."),
    Nak("bad_command", "No such command."),
    Nak("bad_field", "A field is missing or malformed."),
    Nak("bad_index", "No such input, output or layer."),
    Nak("bad_offset", "Outside the input or output."),
    Nak("bad_input", "The inputs' CRC-32 is another; `detail` is what it is."),
    Nak("bad_token", "That run is not the last one."),
    Nak("fault", "The firmware crashed at address `detail` and waits for a reset."),
    Nak("busy", "Another session has held the device for `detail` seconds, or its job is running."),
    Nak("no_document", "There is no such document."),
)
NAK_FIELDS = (Field("code", Kind.WORD), Field("detail"))


class WireError(ValueError):
    """A line that is not ours: damaged, cut, or never meant for us."""


@dataclass(frozen=True)
class Message:
    """A line, taken apart: `mark` is `>` request, `<` reply or `!` nak."""

    mark: str
    sequence: int
    name: str
    values: Mapping[str, Value]

    def number(self, field: str) -> int:
        """An integer field."""
        value = self.values[field]
        assert isinstance(value, int)
        return value

    def word(self, field: str) -> str:
        """A word field."""
        value = self.values[field]
        assert isinstance(value, str)
        return value

    def data(self, field: str) -> bytes:
        """A bytes field."""
        value = self.values[field]
        assert isinstance(value, bytes)
        return value


_FRAME = re.compile(rb"(([><!])([0-9a-f]{4}) ([a-z_]{1,16})((?: [a-z_]{1,16}=[^ \n]*)*)) \*([0-9a-f]{8})")
_WORD = re.compile(rf"[A-Za-z0-9._+-]{{1,{WORD_BYTES}}}")
_DIGITS = {Kind.U32: 8, Kind.U64: 16}


def encode(message: Message) -> bytes:
    """The line of `message`, newline included; WireError where a value does not fit its field."""
    parts = [f"{message.mark}{_in_range(message.sequence, 16):04x} {message.name}"]
    fields = _fields(message.mark, message.name)
    if {field.name for field in fields} != set(message.values):
        raise WireError(f"{message.name} takes {[f.name for f in fields]}, got {list(message.values)}")
    parts += [f"{field.name}={_text(field.kind, message.values[field.name])}" for field in fields]
    body = " ".join(parts).encode("ascii")
    return body + b" *%08x\n" % zlib.crc32(body)


def request(sequence: int, name: str, **values: Value) -> bytes:
    """The line that asks `name`."""
    return encode(Message(">", sequence, name, values))


def parse(line: bytes) -> Message:
    """Take a line apart, newline already removed; WireError says what is wrong with it."""
    match = _FRAME.fullmatch(line.rstrip(b"\r"))
    if match is None:
        raise WireError("not a line of this protocol")
    body, mark, sequence, name, fields, crc = match.groups()
    if zlib.crc32(body) != int(crc, 16):
        raise WireError(f"CRC-32 is {zlib.crc32(body):08x}, the line says {crc.decode()}")
    texts = dict(part.split(b"=", 1) for part in fields.split(b" ")[1:])
    values: dict[str, Value] = {}
    for field in _fields(mark.decode(), name.decode()):
        if field.name.encode() not in texts:
            raise WireError(f"{name.decode()}: field {field.name} is missing")
        values[field.name] = _value(field, texts.pop(field.name.encode()))
    if texts and name != b"identify":  # which may grow: another version must still be told by it
        raise WireError(f"{name.decode()}: unknown field {next(iter(texts)).decode()}")
    return Message(mark.decode(), int(sequence, 16), name.decode(), values)


def _fields(mark: str, name: str) -> tuple[Field, ...]:
    if mark == "!":
        if name != "nak":
            raise WireError(f"a nak is called {name!r}")
        return NAK_FIELDS
    if name not in COMMANDS:
        raise WireError(f"unknown command {name!r}")
    return COMMANDS[name].request if mark == ">" else COMMANDS[name].reply


def _in_range(value: int, bits: int) -> int:
    if not 0 <= value < 1 << bits:
        raise WireError(f"{value} does not fit {bits} bits")
    return value


def _text(kind: Kind, value: Value) -> str:
    if kind is Kind.BYTES and isinstance(value, bytes):
        if not 1 <= len(value) <= LINUX_CHUNK_BYTES:
            raise WireError(f"{len(value)} data bytes, a line holds 1 to {LINUX_CHUNK_BYTES}")
        return value.hex()
    if kind is Kind.WORD and isinstance(value, str) and _WORD.fullmatch(value):
        return value
    if kind in _DIGITS and isinstance(value, int):
        return f"{_in_range(value, 4 * _DIGITS[kind]):x}"
    raise WireError(f"{value!r} is not a {kind.value}")


def _value(field: Field, text: bytes) -> Value:
    if field.kind is Kind.WORD:
        word = text.decode("ascii", "replace")
        if not _WORD.fullmatch(word):
            raise WireError(f"{field.name}={word} is not a word")
        return word
    if not re.fullmatch(rb"[0-9a-f]+", text):
        raise WireError(f"{field.name} is not hexadecimal")
    if field.kind is Kind.BYTES:
        if len(text) % 2 or len(text) > 2 * LINUX_CHUNK_BYTES:
            raise WireError(f"{field.name} has {len(text)} hex digits")
        return bytes.fromhex(text.decode("ascii"))
    if len(text) > _DIGITS[field.kind]:
        raise WireError(f"{field.name} has {len(text)} digits, at most {_DIGITS[field.kind]} fit")
    return int(text, 16)


def longest_request_bytes(commands: Sequence[Command] = MCU_COMMANDS, chunk_bytes: int = CHUNK_BYTES) -> int:
    """The length of the longest request to a board that knows `commands`, newline included."""
    most: dict[Kind, Value] = {
        Kind.U32: 2**32 - 1,
        Kind.U64: 2**64 - 1,
        Kind.WORD: "w" * WORD_BYTES,
        Kind.BYTES: bytes(chunk_bytes),
    }
    return max(
        len(request(0, command.name, **{field.name: most[field.kind] for field in command.request}))
        for command in commands
    )


# --- the same in C ---------------------------------------------------------------------------------

_C_MEMBERS = {
    Kind.U32: ("uint32_t {0};",),
    Kind.U64: ("uint64_t {0};",),
    Kind.WORD: ("const char *{0};",),
    Kind.BYTES: ("const uint8_t *{0};", "uint32_t {0}_bytes;"),
}


def c_header(commands: Sequence[Command] = MCU_COMMANDS) -> str:
    """`ep_wire.h`: limits, names, a struct for each request and reply of `commands`, and code for them."""
    lines = [
        "/* Generated by edgeprune from device/wire.py, where the protocol is explained. Do not edit. */",
        "#ifndef EP_WIRE_H",
        "#define EP_WIRE_H",
        "",
        '#include "ep_line.h"',
        "",
        f'#define EP_WIRE_BUILD "{__version__}"',
        f"#define EP_WIRE_PROTOCOL {PROTOCOL}u",
        "",
        "/* Why a request is refused. */",
        *(f'#define EP_NAK_{nak.name.upper()} "{nak.name}" /* {nak.about} */' for nak in NAKS),
        "",
        "/* X(name) for every command, so that one without a handler does not compile. */",
        "#define EP_WIRE_COMMANDS(X) \\",
        " \\\n".join(f"    X({command.name})" for command in commands),
    ]
    for command in commands:
        lines += ["", f"/* {command.name}: {command.about} */"]
        lines += _c_struct(f"ep_{command.name}_request", command.request)
        lines += _c_struct(f"ep_{command.name}_reply", command.reply)
        lines += _c_parser(command)
        lines += _c_writer(command)
    return "\n".join([*lines, "", "#endif", ""])


def c_limits_header(line_bytes: int = LINE_BYTES, chunk_bytes: int = CHUNK_BYTES) -> str:
    """`ep_limits.h`: the sizes that the line buffer is made of."""
    return (
        "/* Generated by edgeprune from device/wire.py. Do not edit. */\n"
        "#ifndef EP_LIMITS_H\n#define EP_LIMITS_H\n\n"
        f"#define EP_WIRE_LINE_BYTES {line_bytes}u\n"
        f"#define EP_WIRE_WORD_BYTES {WORD_BYTES}u\n"
        f"#define EP_WIRE_CHUNK_BYTES {chunk_bytes}u\n\n#endif\n"
    )


def _c_struct(name: str, fields: tuple[Field, ...]) -> list[str]:
    members = [member.format(field.name) for field in fields for member in _C_MEMBERS[field.kind]]
    members = members or ["uint32_t nothing;"]  # C11 has no empty struct
    return ["typedef struct {", *(f"    {member}" for member in members), f"}} {name};"]


def _c_parser(command: Command) -> list[str]:
    head = f"static inline bool ep_parse_{command.name}(ep_line *line, ep_{command.name}_request *request)"
    if not command.request:
        return [head, "{", "    request->nothing = 0u;", "    return ep_line_is_empty(line);", "}"]
    takes = []
    for field in command.request:
        extra = f", &request->{field.name}_bytes" if field.kind is Kind.BYTES else ""
        takes.append(f'ep_take_{field.kind.value}(line, "{field.name}", &request->{field.name}{extra})')
    takes.append("ep_line_is_empty(line)")
    joined = "\n        && ".join(takes)
    return [head, "{", f"    return {joined};", "}"]


def _c_writer(command: Command) -> list[str]:
    name = command.name
    head = f"static inline void ep_reply_{name}(uint32_t sequence, const ep_{name}_reply *reply)"
    puts = []
    for field in command.reply:
        extra = f", reply->{field.name}_bytes" if field.kind is Kind.BYTES else ""
        puts.append(f'    ep_put_{field.kind.value}("{field.name}", reply->{field.name}{extra});')
    puts = puts or ["    (void)reply;"]
    return [head, "{", f"    ep_put_begin('<', sequence, \"{name}\");", *puts, "    ep_put_end();", "}"]
