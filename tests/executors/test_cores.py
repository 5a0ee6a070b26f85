import os

import pytest

from sweepspot.executors.cores import usable_cores, usable_memory


def group(folder, **files):
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text + "\n")
    return folder


ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", ALL),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("900000000 100000", ALL),
        ("", ALL),
    ],
)
def test_a_containers_share_of_the_processor_counts(tmp_path, quota, cores):
    assert usable_cores(group(tmp_path, cpu_max=quota)) == cores


def test_without_a_control_group_the_allowed_cores_count(tmp_path):
    assert usable_cores(tmp_path) == ALL


def test_cores_that_the_process_may_not_use_do_not_count():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [min(before)])
    try:
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_a_containers_memory_counts_less_what_it_has_taken(tmp_path):
    limited = group(tmp_path, memory_max="3000000", memory_current="1000000")

    assert usable_memory(limited) == 2_000_000


def test_a_container_without_a_limit_has_the_machines_memory(tmp_path):
    assert usable_memory(group(tmp_path, memory_max="max", memory_current="5")) > 2**20
