"""The memory that a process may use is that of its control group, where one is set."""

import os

import pytest

from crossentropy.tables._limit import memory_limit

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
FILES = {
    "version 2": ("0::/jobs/one\n", "jobs/one/memory.max", "jobs/memory.max"),
    "version 1": (
        "5:devices:/\n4:memory:/jobs/one\n",
        "memory/jobs/one/memory.limit_in_bytes",
        "memory/jobs/memory.limit_in_bytes",
    ),
}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("version", FILES)
def test_the_lowest_limit_of_the_groups_around_the_process_holds(tmp_path, version):
    own, inner, outer = FILES[version]
    write(tmp_path / "own", own)
    assert memory_limit(tmp_path / "groups", tmp_path / "own") == MACHINE
    write(tmp_path / "groups" / inner, "max\n" if version == "version 2" else "9223372036854771712\n")
    assert memory_limit(tmp_path / "groups", tmp_path / "own") == MACHINE
    write(tmp_path / "groups" / outer, "1000000\n")
    assert memory_limit(tmp_path / "groups", tmp_path / "own") == 1_000_000
    write(tmp_path / "groups" / inner, "900000\n")
    assert memory_limit(tmp_path / "groups", tmp_path / "own") == 900_000


def test_within_a_container_the_top_group_is_its_own(tmp_path):
    write(tmp_path / "own", "0::/docker/4f2a\n")
    write(tmp_path / "groups" / "memory.max", "2000000\n")
    assert memory_limit(tmp_path / "groups", tmp_path / "own") == 2_000_000


def test_without_groups_it_is_the_machines(tmp_path):
    assert memory_limit(tmp_path / "groups", tmp_path / "own") == MACHINE
    assert 0 < memory_limit() <= MACHINE
