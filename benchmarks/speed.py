"""Run the rows of the speed table, and say how far each is from what is wanted of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks import instructions, results
from benchmarks.compare import Comparison
from benchmarks.measure import Result
from benchmarks.row import FASTEST_PEER, NAMES, arrays_of, difference, make, module_of, title_of
from benchmarks.systems import SYSTEMS

COMPILE_GOALS = (("jax", 5.0), ("torch_compile", 50.0))
"""How many times sooner than these the first call is to be answered."""


@dataclass(frozen=True)
class Benchmark:
    """A row, to be run like any other benchmark."""

    name: str

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        return title_of(self.name)

    def run(self, smoke: bool) -> list[Result]:
        """Measure, store and return all figures; with `smoke` only check that results agree, and
        that LLVM is not given more than recorded."""
        if smoke:
            if self.name == NAMES[0]:  # one row goes the whole way, through processes
                Comparison(self.name, ("adjoint", "numpy"), smoke=True).run()
            answer, count = instructions.answer_and_count(self.name)
            return [agreement(self.name, answer), instructions.within(self.name, count)]
        figures = {s: f.stored() for s, f in Comparison(self.name).run().items()}
        results.save(self.name, {"systems": figures})
        return [*lines(figures), *goals(self.name, figures)]


def benchmarks() -> dict[str, Benchmark]:
    """All rows, by name."""
    return {name: Benchmark(name) for name in NAMES}


def agreement(name: str, result: Any) -> Result:
    """How much our results on small inputs differ from those of NumPy.

    These are written by hand, or the row says by what else in its `reference`.
    """
    row = module_of(name)
    for goal in row.ROW.goals:
        assert goal.than == FASTEST_PEER or goal.than in SYSTEMS, f"{name}: no system {goal.than}"
    found = arrays_of(result)
    by_numpy = hasattr(row, "make_numpy")
    wanted = make(name, "numpy", True)() if by_numpy else row.reference(*row.inputs(True))
    gap = difference(found, arrays_of(wanted))
    tolerance: float = row.ROW.tolerance
    assert gap <= tolerance, f"{name}: differs by {gap:.1e}; at most {tolerance:g} is allowed"
    return Result("differs by", gap, "", tolerance)


def lines(figures: dict[str, Any]) -> list[Result]:
    """The time of a call, and that of the first, for each system that answered."""
    found = []
    for system, f in figures.items():
        if f["failure"]:
            continue
        label = SYSTEMS[system].label
        if f["median"] is not None:
            found.append(Result(label, 1e6 * f["median"], "µs"))
        if f["first"] is not None:
            found.append(Result(f"{label}, first call", 1e3 * f["first"], "ms"))
        if f["mean"] is not None:
            found.append(Result(f"{label}, from the first call on", 1e6 * f["mean"], "µs"))
    return found


@dataclass(frozen=True)
class Outcome:
    """A goal and what was reached: a ratio to be at least `wanted`, or seconds at most."""

    what: str
    wanted: float
    reached: float | None
    is_ratio: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None if it could not be measured."""
        if self.reached is None:
            return None
        return self.reached >= self.wanted if self.is_ratio else self.reached <= self.wanted


def outcomes(name: str, figures: dict[str, Any]) -> list[Outcome]:
    """All that is wanted of a row, beside what was measured."""
    row = module_of(name).ROW
    ours = figures.get("adjoint", {})
    key = "first" if row.once else "median"
    found = [
        Outcome(f"than {label_of(goal.than)}", goal.factor, ratio(figures, goal.than, key))
        for goal in row.goals
    ]
    if row.most_seconds is not None:
        found.append(Outcome("a call", row.most_seconds, ours.get("median"), False))
    if row.most_first is not None:
        found.append(Outcome("compiled and run", row.most_first, ours.get("first"), False))
    if not row.once:
        for system, factor in COMPILE_GOALS:
            if system in figures:
                what = f"first call, than {label_of(system)}"
                found.append(Outcome(what, factor, ratio(figures, system, "first")))
    return found


def goals(name: str, figures: dict[str, Any]) -> list[Result]:
    """The outcomes as lines: of ratios the inverse, so that the least is the best."""
    found = []
    for o in outcomes(name, figures):
        if o.reached:
            value, most = (1.0 / o.reached, 1.0 / o.wanted) if o.is_ratio else (o.reached, o.wanted)
            unit = "of the time" if o.is_ratio else "s"
            found.append(Result(f"adjoint, {o.what}", value, unit, most))
    return found


def label_of(system: str) -> str:
    """The name of a system in tables."""
    return FASTEST_PEER if system == FASTEST_PEER else SYSTEMS[system].label


def fastest_peer(figures: dict[str, Any], what: str = "median") -> str | None:
    """The peer with the shortest time."""
    times = {s: f[what] for s, f in figures.items() if SYSTEMS[s].peer and f[what] is not None}
    return min(times, key=times.__getitem__, default=None)


def ratio(figures: dict[str, Any], than: str, what: str) -> float | None:
    """How many times faster ours is than a system."""
    rival = fastest_peer(figures, what) if than == FASTEST_PEER else than
    theirs = figures.get(rival or "", {}).get(what)
    ours = figures.get("adjoint", {}).get(what)
    return theirs / ours if theirs and ours else None
