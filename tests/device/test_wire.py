"""The serial protocol: declared once, the same on both sides."""

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edgeprune.device import wire
from edgeprune.device.emulator.process import ChildBoard
from edgeprune.device.firmware import runner_files
from edgeprune.device.target import find_target
from edgeprune.device.toolchain import TOOLCHAINS, compile_firmware
from edgeprune.device.wire import COMMANDS, Command, Field, Kind, Message, Value, WireError

SUPPORT = Path(__file__).parents[1] / "support"

WORDS = st.from_regex(r"[A-Za-z0-9._+-]{1,48}", fullmatch=True)
VALUES: dict[Kind, st.SearchStrategy[Value]] = {
    Kind.U32: st.integers(0, 2**32 - 1) | st.sampled_from([0, 15, 16, 2**32 - 1]),
    Kind.U64: st.integers(0, 2**64 - 1) | st.sampled_from([0, 2**32 - 1, 2**32, 2**64 - 1]),
    Kind.WORD: WORDS,
    Kind.BYTES: st.binary(min_size=1, max_size=wire.CHUNK_BYTES),
}


def fields_of(mark: str, command: Command) -> tuple[Field, ...]:
    return command.request if mark == ">" else command.reply


@st.composite
def messages(draw: st.DrawFn, marks: str = "><", commands: Sequence[Command] = tuple(COMMANDS)) -> Message:
    """Any message that the protocol can carry."""
    mark = draw(st.sampled_from(marks))
    command = draw(st.sampled_from(commands))
    values = {field.name: draw(VALUES[field.kind]) for field in fields_of(mark, command)}
    return Message(mark, draw(st.integers(0, 0xFFFF)), command.name, values)


@given(messages())
def test_what_is_encoded_is_parsed_back(message: Message) -> None:
    line = wire.encode(message)
    assert line.endswith(b"\n")
    assert line.isascii()
    assert wire.parse(line[:-1]) == message


@given(messages(), st.data())
def test_a_damaged_line_never_passes(message: Message, data: st.DataObject) -> None:
    line = bytearray(wire.encode(message)[:-1])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(line) - 1))
        line[at] ^= data.draw(st.integers(1, 255))
    if bytes(line) != wire.encode(message)[:-1]:
        with pytest.raises(WireError):
            wire.parse(bytes(line))


@given(st.binary(max_size=400))
@example(b"")
@example(b">0001 run *00000000")
@example(b"<0001 \xff=\xff *00000000")
def test_any_bytes_parse_or_are_refused(line: bytes) -> None:
    try:
        message = wire.parse(line)
    except WireError:
        return
    assert wire.encode(message)[:-1] == line.rstrip(b"\r")


def test_the_examples_of_the_documentation() -> None:
    body = b">0007 load input=0 offset=80 data=00ff7f"
    line = wire.request(7, "load", input=0, offset=0x80, data=b"\x00\xff\x7f")
    assert line == body + b" *%08x\n" % zlib.crc32(body)


@pytest.mark.parametrize(
    "values",
    [
        {"input": -1, "offset": 0, "data": b"a"},
        {"input": 2**32, "offset": 0, "data": b"a"},
        {"input": 0, "offset": 0, "data": b""},
        {"input": 0, "offset": 0, "data": bytes(wire.LINUX_CHUNK_BYTES + 1)},
        {"input": 0, "offset": 0},
        {"input": 0, "offset": 0, "data": b"a", "more": 1},
        {"input": "x", "offset": 0, "data": b"a"},
    ],
)
def test_values_that_do_not_fit_are_refused(values: dict[str, Value]) -> None:
    with pytest.raises(WireError):
        wire.request(1, "load", **values)


def test_identify_may_grow_other_replies_may_not() -> None:
    def line(body: bytes) -> bytes:
        return body + b" *%08x" % zlib.crc32(body)

    grown = line(b"<0001 identify nonce=1 protocol=2 runner=r build=b target=t more=1")
    assert wire.parse(grown).number("protocol") == 2
    with pytest.raises(WireError, match="unknown field more"):
        wire.parse(line(b"<0001 flash length=1 crc=2 more=1"))


def test_every_request_fits_the_boards_buffer() -> None:
    assert wire.longest_request_bytes() <= wire.LINE_BYTES


def test_the_header_is_deterministic_and_complete() -> None:
    header = wire.c_header()
    assert header == wire.c_header()
    for command in wire.MCU_COMMANDS:
        assert f"X({command.name})" in header
        assert f"ep_parse_{command.name}(" in header
        assert f"ep_reply_{command.name}(" in header
    for command in set(COMMANDS) - set(wire.MCU_COMMANDS):
        assert command.is_for_linux and f"ep_parse_{command.name}(" not in header
    for nak in wire.NAKS:
        assert f'"{nak.name}"' in header


# --- the same lines through the C side


def echo_commands() -> str:
    """C that takes any request apart and puts it together again."""
    lines = ["static inline const char *echo(ep_line *line)", "{"]
    for command in wire.MCU_COMMANDS:
        lines.append(f'    if (ep_take_name(line, "{command.name}")) {{')
        lines.append(f"        ep_{command.name}_request request;")
        lines.append(f"        if (!ep_parse_{command.name}(line, &request)) {{ return EP_NAK_BAD_FIELD; }}")
        lines.append(f"        ep_put_begin('>', line->sequence, \"{command.name}\");")
        for field in command.request:
            extra = f", request.{field.name}_bytes" if field.kind is Kind.BYTES else ""
            lines.append(f'        ep_put_{field.kind.value}("{field.name}", request.{field.name}{extra});')
        lines += ["        ep_put_end();", "        return NULL;", "    }"]
    return "\n".join([*lines, "    return EP_NAK_BAD_COMMAND;", "}", ""])


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChildBoard]:
    """A process that runs the C side."""
    folder = tmp_path_factory.mktemp("echo")
    files = runner_files(find_target("host"))
    kept = ("ep_line.c", "ep_crc32.c", "hal.c")
    files = {name: text for name, text in files.items() if name.endswith(".h") or name in kept}
    files["main.c"] = (SUPPORT / "wire_echo.c").read_text()
    files["echo_commands.h"] = echo_commands()
    for name, text in files.items():
        (folder / name).write_text(text)
    built = compile_firmware(folder, find_target("host"), folder / "out", TOOLCHAINS["zig"])
    child = ChildBoard([str(built.elf)])
    yield child
    child.close()


def answer(echo: ChildBoard, line: bytes) -> bytes:
    """One line for one line."""
    echo.write(line)
    heard = b""
    while not heard.endswith(b"\n"):
        more = echo.read(5)
        assert more, f"silence after {heard!r}"
        heard += more
    return heard


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(message=messages(">", wire.MCU_COMMANDS))
def test_c_understands_what_python_says_and_the_other_way_round(echo: ChildBoard, message: Message) -> None:
    assert wire.parse(answer(echo, wire.encode(message))[:-1]) == message


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(message=messages(">", wire.MCU_COMMANDS), at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_c_refuses_every_damaged_line(echo: ChildBoard, message: Message, at: int, flip: int) -> None:
    line = bytearray(wire.encode(message))
    at %= len(line) - 1
    if line[at] ^ flip == ord("\n"):
        return  # two lines, two answers: the next test's matter
    line[at] ^= flip
    nak = wire.parse(answer(echo, bytes(line))[:-1])
    assert (nak.mark, nak.word("code")) == ("!", "bad_line")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"x" * wire.LINE_BYTES + b"\n", "bad_line"),
        (b"x" * (wire.LINE_BYTES + 1) + b"\n", "too_long"),
        (b"x" * 5000 + b"\n", "too_long"),
        (b"\x00\xff\n", "bad_line"),
        (b"\n\r\n>\n", "bad_line"),
    ],
)
def test_c_survives_garbage_and_understands_the_next_line(echo: ChildBoard, line: bytes, code: str) -> None:
    assert wire.parse(answer(echo, line)[:-1]).word("code") == code
    good = wire.request(9, "input", index=3)
    assert answer(echo, good) == good
    assert answer(echo, good.replace(b"\n", b"\r\n")) == good


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b">0001 nonsense", "bad_command"),
        (b">0001 inputs", "bad_command"),
        (b">0001 input", "bad_field"),
        (b">0001 input index=", "bad_field"),
        (b">0001 input index=g", "bad_field"),
        (b">0001 input index=123456789", "bad_field"),
        (b">0001 input index=1 index=2", "bad_field"),
        (b">0001 input  index=1", "bad_field"),
        (b">0001 load input=0 offset=0 data=abc", "bad_field"),
        (b">0001 load input=0 offset=0 data=" + b"00" * (wire.CHUNK_BYTES + 1), "bad_field"),
        (b"<0001 input index=1", "bad_line"),
        (b">000g input index=1", "bad_line"),
    ],
)
def test_c_refuses_what_is_whole_but_wrong(echo: ChildBoard, body: bytes, code: str) -> None:
    heard = answer(echo, body + b" *%08x\n" % zlib.crc32(body))
    assert wire.parse(heard[:-1]).word("code") == code
