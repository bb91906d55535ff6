"""How many threads the pool has: what is asked for, and what the system allows."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from adjoint.backends.llvm.system import cgroups, thread_pool
from adjoint.errors import ArgumentError, RangeError
from tests.native.system.thread_pool_scripts import script

pytestmark = pytest.mark.native


@pytest.fixture(autouse=True)
def default_threads() -> Iterator[None]:
    """Every test leaves the pool as it was."""
    yield
    thread_pool.set_threads(None)


def test_the_number_must_be_sensible():
    with pytest.raises(ArgumentError, match="whole number"):
        thread_pool.set_threads(2.0)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError):
        thread_pool.set_threads(True)
    for n in (0, -1, 1025):
        with pytest.raises(RangeError, match=r"1 to 1024"):
            thread_pool.set_threads(n)
    thread_pool.set_threads(3)
    assert thread_pool.threads() == 3
    thread_pool.set_threads(None)
    assert thread_pool.threads() == thread_pool.default_threads()


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A process with eight cores, in control groups that the test makes."""
    monkeypatch.setattr(cgroups, "CGROUPS", tmp_path)
    monkeypatch.setattr(cgroups, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(thread_pool, "cores", lambda: 8)
    monkeypatch.delenv(thread_pool.VARIABLE, raising=False)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("DOT", ".").replace("COMMA", ",")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


def test_without_limits_there_is_a_thread_for_each_core(groups):
    assert thread_pool.default_threads() == 8


@pytest.mark.parametrize(
    "inner, outer, threads",
    [
        ("max 100000", "max 100000", 8),
        ("400000 100000", "max 100000", 4),
        ("max 100000", "250000 100000", 3),
        ("200000 100000", "300000 100000", 2),
        ("10000 100000", "max 100000", 1),
        ("nonsense", "300000 100000", 3),
    ],
)
def test_quota_of_cgroup_version_2(groups, inner, outer, threads):
    groups(own="0::/a/b\n", a__b__cpuDOTmax=inner, a__cpuDOTmax=outer)
    assert thread_pool.default_threads() == threads


def test_quota_of_a_namespace_at_the_root(groups):
    groups(own="0::/not/mounted\n", cpuDOTmax="200000 100000\n")
    assert thread_pool.default_threads() == 2


@pytest.mark.parametrize("quota, threads", [("300000", 3), ("-1", 8)])
def test_quota_of_cgroup_version_1(groups, quota, threads):
    groups(
        own="12:memory:/m\n4:cpu,cpuacct:/docker/x\nrubbish\n",
        cpuCOMMAcpuacct__docker__x__cpuDOTcfs_quota_us=quota,
        cpuCOMMAcpuacct__docker__x__cpuDOTcfs_period_us="100000",
    )
    assert thread_pool.default_threads() == threads


def test_the_environment_limits(groups, monkeypatch):
    for text, threads in {"3": 3, " 1 ": 1, "100": 8, "": 8}.items():
        monkeypatch.setenv(thread_pool.VARIABLE, text)
        assert thread_pool.default_threads() == threads
    for text in ("0", "-2", "2.5", "many"):
        monkeypatch.setenv(thread_pool.VARIABLE, text)
        with pytest.raises(RangeError, match=r"ADJOINT_NUM_THREADS.*whole number"):
            thread_pool.default_threads()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="there is no affinity")
def test_affinity_limits():
    script("""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    assert pool.default_threads() == 1
    check(0, 100, 1)
    assert pool.workers() == 0
    pool.set_threads(3)      # more threads than cores work, too
    check(0, 100, 1)
    assert pool.workers() == 2
    """)
