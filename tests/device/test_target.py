"""Targets: what is described is read exactly, what is misdescribed is refused."""

from pathlib import Path

import pytest

from edgeprune.device.firmware import runner_files
from edgeprune.device.target import find_target, read_target, target_names, targets_folder
from edgeprune.errors import UsageError


@pytest.mark.parametrize("name", target_names())
def test_every_target_is_whole(name: str) -> None:
    target = find_target(name)
    assert target.name == name
    assert bool(target.evidence) == (target.status != "untested"), "a target says on what evidence"
    files = runner_files(target)
    assert f'"{name}"' in files["ep_target.h"]
    assert any("ep_hal_read(void)\n{" in text for text in files.values())
    included = {
        line.split('"')[1] for text in files.values() for line in text.splitlines() if '#include "' in line
    }
    assert included - {"ep_document.h"} <= {*files, "model.h"}
    assert ("ep_document.h" in files) == (target.linux is not None)


def test_virtual_m4_is_the_part_it_claims() -> None:
    target = find_target("virtual-m4")
    assert (target.clock_hz, target.flash_available_bytes, target.ram_available_bytes) == (
        120_000_000,
        2 * 1024 * 1024,
        640 * 1024,
    )
    assert target.region("ram").end == 0x200A_0000


def test_flash_wait_states_are_none_unless_said(tmp_path: Path) -> None:
    text = (targets_folder() / "virtual-m4" / "target.toml").read_text()
    assert find_target("virtual-m4").flash_wait_states == 0
    (tmp_path / "target.toml").write_text("flash_wait_states = 5\n" + text)
    assert read_target(tmp_path).flash_wait_states == 5


def test_host_has_no_memory_map() -> None:
    assert find_target("host").ram_available_bytes is None
    with pytest.raises(UsageError, match="host has no flash"):
        find_target("host").region("flash")


def test_unknown_target_names_the_nearest() -> None:
    with pytest.raises(UsageError) as raised:
        find_target("virtul-m4")
    assert "virtual-m4" in (raised.value.hint or "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clock_hz", "clok_hz", "unknown key 'clok_hz'"),
        ("stack_bytes = 2048\n", "", "'stack_bytes' is missing"),
        ("stack_bytes = 2048", 'stack_bytes = "2048"', "stack_bytes must be int, got str"),
        ("stack_bytes = 2048", "stack_bytes = true", "stack_bytes must be int, got bool"),
        ("stack_bytes = 2048", "stack_bytes = 0", "stack_bytes is 0"),
        ('board = "unicorn"', 'board = "unicron"', "board is 'unicron'"),
        ('kind = "ram"', 'kind = "rom"', "kind is 'rom'"),
        ('kind = "ram"', 'kind = "flash"', "regions are"),
        ("origin = 0x2000_0000", "origin = 0x0800_0000", "overlap"),
        ("length_bytes = 655_360", "length_bytes = 0xffff_ffff", "behind the address space"),
        ("uart_address = 0x4000_4000\n", "", "'uart_address' is missing"),
        ('counters = ["instructions", "cycles"]', 'counters = ["seconds"]', "counters is 'seconds'"),
        ("title =", "title", "target.toml"),
    ],
)
def test_misdescribed_targets_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (targets_folder() / "virtual-m4" / "target.toml").read_text()
    assert old in text
    (tmp_path / "target.toml").write_text(text.replace(old, new))
    with pytest.raises(UsageError) as raised:
        read_target(tmp_path)
    assert message in raised.value.message
    assert "target.toml" in raised.value.message
