"""The speed table as Markdown, from stored results only: docs/benchmarks.md, a block of README.md.

README.md needs the two lines `BEGIN` and `END` (HTML comments); what stands between them is
replaced.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import results
from benchmarks.gradbench import harness
from benchmarks.row import NAMES, module_of, title_of
from benchmarks.speed import Outcome, fastest_peer, outcomes
from benchmarks.systems import SYSTEMS

ROOT = Path(__file__).parent.parent
BEGIN = "<!-- benchmarks: written by `make bench` -->"
END = "<!-- end of benchmarks -->"

Records: TypeAlias = "dict[str, dict[str, Any]]"
"""What was measured on one processor, by row."""

LOAD = re.compile(r", load ([0-9.]+)")

INTRODUCTION = """\
# Benchmarks

*Written by `make bench` from measured results (`benchmarks/results/`). Do not edit.*

Each system does the work of a row in a process of its own. The processes take turns, so that what
else the machine does hits all of them; a figure is the median of all turns. Before anything is
timed, results are compared with those of NumPy code written by hand; the largest difference allowed
stands with each row. The *first call* is given as what it takes longer than a later one: tracing,
compiling. A system has compiled something trivial before, so that loading its compiler is not
counted; its caches on disk are empty, except in the column *second process*, which is a whole first
call. *Uncompiled* is the derivative of a function that nobody compiled, beside the faster of
PyTorch and autograd: the mean over all calls of a process that makes them for 1.2 s, so that what
comes before native code, and the making of it, counts (in older results the median of turns). All
cores are used, unless the row says otherwise.
"""


UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def seconds(value: float | None) -> str:
    """A time with three digits and a unit that fits."""
    if value is None:
        return "–"
    size, unit = next((u for u in UNITS if value >= u[0]), UNITS[-1])
    number = value / size
    return f"{number:.{0 if number >= 100 else 1 if number >= 10 else 2}f} {unit}"


def times(value: float | None) -> str:
    """A ratio with two or three digits."""
    if value is None:
        return "–"
    return f"{value:.0f}×" if value >= 10 else f"{value:.2f}×"


def row_text(name: str, record: dict[str, Any]) -> str:
    """What was measured of one row on one processor."""
    figures, row = record["systems"], module_of(name).ROW
    ours = figures.get("adjoint", {})
    text = [f"{processor_of(record)}, {record['day']}:", ""]
    text += [
        "| system | a call | × ours | first call | second process | differs by |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for system, f in figures.items():
        if f["failure"]:
            text.append(f"| {SYSTEMS[system].label} | {f['failure']} | | | | |")
            continue
        key = "first" if row.once else "median"
        relative = f[key] / ours[key] if f[key] and ours.get(key) else None
        gap = "" if f["difference"] is None else f"{f['difference']:.0e}"
        cells = [seconds(f["median"]), times(relative), seconds(f["first"]), seconds(f["again"])]
        text.append(f"| {SYSTEMS[system].label} | {' | '.join(cells)} | {gap} |")
    text += ["", f"Allowed difference: {row.tolerance:g} of the largest number. {threads(row)}", ""]
    text += [line(o) for o in outcomes(name, figures)]
    return "\n".join([*text, ""])


def threads(row: Any) -> str:
    """On how many cores."""
    return "One pinned core." if row.pinned else "All cores."


def line(o: Outcome) -> str:
    """A goal and what was reached."""
    if o.is_ratio:
        return f"- {o.what}: {times(o.reached)} faster (wanted {times(o.wanted)}){verdict(o)}"
    return f"- {o.what}: {seconds(o.reached)} (wanted at most {seconds(o.wanted)}){verdict(o)}"


def verdict(o: Outcome) -> str:
    """Says so where a goal is missed."""
    return {True: "", False: ": **missed**", None: ": not measured"}[o.met]


HEADS = (
    *("work", "adjoint", "fastest peer", "faster", "first call", "JAX's", "torch.compile's"),
    *("uncompiled", "peers'"),
)


def summary(records: Records) -> str:
    """One line for each row: ours beside the fastest peer, the first calls, and what is not
    compiled."""
    text = [f"| {' | '.join(HEADS)} |", "|---|---:|---|" + "---:|" * (len(HEADS) - 3)]
    for name, record in records.items():
        figures = record["systems"]
        key = "first" if module_of(name).ROW.once else "median"
        ours, rival = figures["adjoint"], fastest_peer(figures, key)
        theirs = figures[rival][key] if rival else None
        peer = f"{SYSTEMS[rival].label}, {seconds(theirs)}" if rival else "–"
        faster = theirs / ours[key] if theirs and ours[key] else None
        firsts = [figures.get(s, {}).get("first") for s in ("adjoint", "jax", "torch_compile")]
        eager = [from_the_first(figures.get("adjoint_uncompiled")), fastest_eager(figures)]
        cells = [title_of(name), seconds(ours[key]), peer, times(faster)]
        text.append(f"| {' | '.join([*cells, *map(seconds, firsts + eager)])} |")
    return "\n".join(text)


def fastest_eager(figures: dict[str, Any]) -> float | None:
    """The time of the fastest peer that compiles nothing, in rows in which we do so too."""
    if "adjoint_uncompiled" not in figures:
        return None
    peers = [s for s in figures if SYSTEMS[s].eager and SYSTEMS[s].peer]
    return min(filter(None, (from_the_first(figures[s]) for s in peers)), default=None)


def from_the_first(figures: dict[str, Any] | None) -> float | None:
    """The time of a call of one system, over all calls of a process if that was measured."""
    if figures is None:
        return None
    found: float | None = figures.get("mean") or figures["median"]
    return found


TOOLS = {"adjoint": "adjoint", "manual": "the suite's C++", "limit": "C kernels", "jax": "JAX"}
"""Of the tools of the suite's harness those that are shown, and their names."""


def gradbench_text(record: dict[str, Any]) -> str:
    """The section of the GradBench rows."""
    tools = {t: n for t, n in TOOLS.items() if any(t in row for row in record["times"].values())}
    text = ["## gradbench", "", f"{processor_of(record)}, {record['day']}. Derivatives of the"]
    text += ["evaluations of the GradBench suite, one pinned core."]
    text += ["*C kernels* are written for the hardware by hand, as a bound.", ""]
    heads = ["row", *tools.values(), "wanted", "our first call", "differs by"]
    text += [f"| {' | '.join(heads)} |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for (name, size), most in harness.GOALS.items():
        row, gap = (record[part].get(f"{name} {size}") for part in ("times", "differences"))
        if row is None:  # not there yet when this was measured
            continue
        cells = [f"{name} {size}", *(seconds(row.get(t, {}).get("derivative")) for t in tools)]
        ours = row.get("adjoint", {})
        missed = ours and 1e3 * ours["derivative"] > most
        cells += [f"{most:g} ms{' **missed**' if missed else ''}", seconds(ours.get("first"))]
        text.append(f"| {' | '.join([*cells, '–' if gap is None else f'{gap:.0e}'])} |")
    text.append("")
    for rival, most in harness.GOALS_OF_MEANS.items():
        mean = harness.mean_over(record["times"], rival)
        reached = "not measured" if mean is None else f"{mean:.2f}"
        text.append(f"- geometric mean over {TOOLS[rival]}: {reached} (wanted at most {most:g})")
    return "\n".join([*text, ""])


def machine_text(records: Records) -> str:
    """Where, when and how busy the machine was, with which versions."""
    places = sorted({LOAD.sub("", r["machine"]) for r in records.values()})
    loads = [float(found[1]) for r in records.values() if (found := LOAD.search(r["machine"]))]
    days = sorted({r["day"] for r in records.values()})
    versions = {
        f["version"] for r in records.values() for f in r["systems"].values() if f["version"]
    }
    parts = sorted({part for version in versions for part in version.split(", ")})
    when = " to ".join(dict.fromkeys((days[0], days[-1])))
    if loads:
        when += f"; load of the machine when a row was done: {min(loads)} to {max(loads)}"
    return "\n".join(["Measured on:", "", *(f"- {line}" for line in [*places, when])]) + (
        f"\n- {', '.join(parts)}"
    )


def processor_of(record: dict[str, Any]) -> str:
    """The processor on which something was measured."""
    return str(record["machine"]).partition(",")[0]


def stored() -> dict[str, Records]:
    """The results there are, by processor, the latest first, in the order of the table."""
    found = {}
    for place in results.processors():
        rows = {name: results.load(name, place) for name in NAMES}
        found[place] = {name: record for name, record in rows.items() if record is not None}
    by_day = lambda place: max((r["day"] for r in found[place].values()), default="")
    return {place: found[place] for place in sorted(found, key=by_day, reverse=True)}


def tables(everything: dict[str, Records]) -> str:
    """For each processor the summary and where it comes from."""
    text = []
    for records in everything.values():
        text += [f"**{processor_of(next(iter(records.values())))}**", "", summary(records), ""]
        text += [machine_text(records), ""]
    return "\n".join(text)


def write() -> list[Path]:
    """Rewrite docs/benchmarks.md, and the block in README.md if its two lines are there."""
    everything = {place: records for place, records in stored().items() if records}
    if not everything:
        return []
    page = ROOT / "docs" / "benchmarks.md"
    parts = [INTRODUCTION, tables(everything)]
    for name in NAMES:
        found = [records[name] for records in everything.values() if name in records]
        if found:
            parts += [f"## {name}", "", f"{title_of(name)}.", ""]
            parts += [row_text(name, record) for record in found]
    parts += [
        gradbench_text(suite) for place in everything if (suite := results.load("gradbench", place))
    ]
    page.write_text("\n".join(parts), encoding="utf-8")
    readme = ROOT / "README.md"
    written = [page]
    if readme.exists() and BEGIN in (text := readme.read_text("utf-8")) and END in text:
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        block = f"{BEGIN}\n{tables(everything)}{END}"
        readme.write_text(before + block + after, encoding="utf-8")
        written.append(readme)
    return written
