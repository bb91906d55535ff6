"""What the control groups around this process allow it: the limits that containers set."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")

Reader = Callable[[Path], float]


def processors() -> Iterator[float]:
    """The processors that each group may use."""
    return _limits("cpu", _quota_of_version_2, _quota_of_version_1)


def memory() -> Iterator[float]:
    """The bytes that each group may use."""
    return _limits("memory", _memory_of_version_2, _memory_of_version_1)


def _limits(controller: str, version_2: Reader, version_1: Reader) -> Iterator[float]:
    try:
        lines = OWN_CGROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        if line.count(":") < 2:
            continue
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _along(CGROUPS, path, version_2)
        elif controller in controllers.split(","):
            for mount in {controller, controllers}:
                yield from _along(CGROUPS / mount, path, version_1)


def _along(mount: Path, path: str, read: Reader) -> Iterator[float]:
    """What `read` finds in the group at `path` and in those around it."""
    group = mount / path.strip("/")
    for each in (group, *group.parents):
        if each == mount.parent or not each.is_relative_to(mount):
            return
        try:
            yield read(each)
        except (OSError, ValueError, ZeroDivisionError):
            continue


def _quota_of_version_2(group: Path) -> float:
    quota, period = (group / "cpu.max").read_text(encoding="utf-8").split()[:2]
    return math.inf if quota == "max" else max(1.0, int(quota) / int(period))


def _quota_of_version_1(group: Path) -> float:
    quota = int((group / "cpu.cfs_quota_us").read_text(encoding="utf-8"))
    period = int((group / "cpu.cfs_period_us").read_text(encoding="utf-8"))
    return math.inf if quota <= 0 else max(1.0, quota / period)


def _memory_of_version_2(group: Path) -> float:
    most = (group / "memory.max").read_text(encoding="utf-8").strip()
    return math.inf if most == "max" else int(most)


def _memory_of_version_1(group: Path) -> float:
    return int((group / "memory.limit_in_bytes").read_text(encoding="utf-8"))
