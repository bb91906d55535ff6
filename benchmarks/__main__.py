"""Run benchmarks: ``python -m benchmarks [NAME ...] [--smoke]``."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time
from typing import Any

import benchmarks
from benchmarks import speed, table
from benchmarks.measure import machine, show


def discover() -> dict[str, Any]:
    """The modules of this folder that have something to run, and the rows of speed, by name."""
    found: dict[str, Any] = {}
    for info in pkgutil.iter_modules(benchmarks.__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"benchmarks.{info.name}")
            if hasattr(module, "run"):
                found[info.name] = module
    return found | speed.benchmarks()


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks named, print their tables; 1 if a smoke test fails."""
    known = discover()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--smoke", action="store_true", help="seconds: does it run and agree?")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(known)}")
    print(machine())
    for name in options.names or known:
        print(f"\n{name}: {(known[name].__doc__ or '').splitlines()[0]}")
        started = time.perf_counter()
        show(known[name].run(options.smoke))
        print(f"  ({time.perf_counter() - started:.1f} s)")
    if not options.smoke:
        print(*(f"wrote {path}" for path in table.write()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
