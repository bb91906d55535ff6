"""Derive the numbers in `adjoint/ops/scalar/coefficients.py`, and write that file.

    python tools/derive_scalar_coefficients.py            write the file
    python tools/derive_scalar_coefficients.py NAME …     show these polynomials and their errors

A polynomial is the best in the sense of Chebyshev: it makes the greatest weighted error over an
interval least (the exchange algorithm of Remez, on a fine grid, in arithmetic of 60 digits). Its
leading coefficients are rounded to the format one at a time and those after them fitted anew, so
that the rounding of one is made good by the next. A constant is a sum of numbers of the format.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from mpmath import mp, mpf
from scalar_functions import CONSTANTS, POLYNOMIALS, Polynomial  # beside this file

TARGET = Path(__file__).parent.parent / "adjoint" / "ops" / "scalar" / "coefficients.py"
BITS = {"float64": 53, "float32": 24}
FITTED_AFTER_ROUNDING = 4


def rounded(x: mpf, bits: int) -> mpf:
    with mp.workprec(bits):
        return +x


def best(grid: Sequence[tuple[mpf, mpf, mpf]], powers: Sequence[int]) -> tuple[list[mpf], mpf]:
    """Coefficients of these powers, and the error, on a grid of (point, value, weight)."""
    size, last = len(powers), len(grid) - 1
    at = [int(last * (1 - mp.cos(mp.pi * k / size)) / 2 + mpf(1) / 2) for k in range(size + 1)]
    for _ in range(30):
        rows = mp.matrix(size + 1, size + 1)
        values = mp.matrix(size + 1, 1)
        for row, index in enumerate(at):
            x, y, w = grid[index]
            for column, power in enumerate(powers):
                rows[row, column] = w * x**power
            rows[row, size] = (-1) ** row
            values[row] = w * y
        solution = mp.lu_solve(rows, values)
        coefficients, level = list(solution[:size]), abs(solution[size])
        errors = [w * (y - evaluate(coefficients, powers, x)) for x, y, w in grid]
        at = extrema(errors, size + 1)
        worst = max(abs(e) for e in errors)
        if worst <= level * (1 + mpf(10) ** -3):
            break
    return coefficients, worst


def near_best(grid: Sequence[tuple[mpf, mpf, mpf]], powers: Sequence[int]) -> list[mpf]:
    """Coefficients of these powers by least squares on a Chebyshev grid, within a bit of `best`.

    It needs no alternation, which powers that all vanish inside the interval do not have.
    """
    rows = mp.matrix([[w * x**power for power in powers] for x, _, w in grid])
    return list(mp.lu_solve(rows.T * rows, rows.T * mp.matrix([w * y for _, y, w in grid])))


def evaluate(coefficients: Sequence[mpf], powers: Sequence[int], x: mpf) -> mpf:
    full = [mpf(0)] * (powers[-1] + 1)
    for c, p in zip(coefficients, powers, strict=True):
        full[p] = c
    return mp.polyval(full[::-1], x)


def extrema(errors: Sequence[mpf], count: int) -> list[int]:
    """The index of the greatest error between each two changes of sign, `count` of them."""
    found: list[int] = []
    for index, error in enumerate(errors):
        if found and (error > 0) == (errors[found[-1]] > 0):
            if abs(error) > abs(errors[found[-1]]):
                found[-1] = index
        elif error != 0:
            found.append(index)
    while len(found) > count:
        found.pop(0 if abs(errors[found[0]]) < abs(errors[found[-1]]) else -1)
    if len(found) < count:
        raise ArithmeticError(f"the error changes sign {len(found)} times, not {count}")
    return found


def fit(polynomial: Polynomial, dtype: str) -> tuple[list[mpf], mpf]:
    """The coefficients rounded to the format, lowest power first, and the error they leave."""
    degree, bits = polynomial.degrees[dtype], BITS[dtype]
    low, high = mpf(polynomial.low), polynomial.high
    high = mpf(high[dtype] if isinstance(high, dict) else high)
    points = 40 * (degree + 2)
    grid = []
    for k in range(points):
        x = low + (high - low) * (1 - mp.cos(mp.pi * (k + mpf(1) / 2) / points)) / 2
        grid.append((x, polynomial.function(x), polynomial.weight(x)))
    coefficients, _ = best(grid, range(degree + 1))
    done = [rounded(coefficients[0], bits)]
    while True:
        rest = [(x, y - evaluate(done, range(len(done)), x), w) for x, y, w in grid]
        if len(done) > degree:
            break
        coefficients = near_best(rest[::10], range(len(done), degree + 1))
        take = 1 if len(done) < FITTED_AFTER_ROUNDING else len(coefficients)
        done += [rounded(c, bits) for c in coefficients[:take]]
    return done, max(abs(y * w) for _, y, w in rest)


def parts(value: mpf, dtype: str, count: int, first_bits: int = 0) -> list[mpf]:
    """A sum of `count` numbers of the format; the first perhaps of fewer bits."""
    found: list[mpf] = []
    for _ in range(count):
        bits = first_bits if first_bits and not found else BITS[dtype]
        found.append(rounded(value - mp.fsum(found), bits))
    return found


def show(value: mpf) -> str:
    return repr(float(value))


def write(name: str, comment: str, columns: dict[str, list[mpf]]) -> str:
    lines = [*textwrap.wrap(comment, 97, initial_indent="# ", subsequent_indent="# ")]
    lines.append(f"{name} = {{")
    for dtype, numbers in columns.items():
        text = ", ".join(show(x) for x in numbers) + ","
        lines += [f'    "{dtype}": (', textwrap.indent(textwrap.fill(text, 90), " " * 8), "    ),"]
    return "\n".join([*lines, "}"])


def main(names: Sequence[str]) -> None:
    chosen = {n: p for n, p in POLYNOMIALS.items() if not names or n in names}
    sections = []
    for name, polynomial in chosen.items():
        columns, bounds = {}, []
        for dtype in polynomial.degrees:
            columns[dtype], error = fit(polynomial, dtype)
            bounds.append(f"{dtype} 2^{float(mp.log(error, 2)):.1f}")
        print(f"{name:18}{', '.join(bounds)}", flush=True)
        sections.append(write(name, f"{polynomial.meaning}; error {', '.join(bounds)}", columns))
    if names:
        print("\n\n".join(sections))
        return
    for name, (meaning, value, count, first) in CONSTANTS.items():
        columns = {d: parts(value(), d, count, first.get(d, 0)) for d in BITS}
        sections.insert(0, write(name, meaning, columns))
    head = '"""Coefficients and constants, made by tools/derive_scalar_coefficients.py."""'
    head += "\n\n# fmt: off\n# (the numbers of a table run on like text, not one a line)"
    TARGET.write_text("\n\n".join([head, *sections]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
