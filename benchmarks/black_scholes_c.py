"""Black–Scholes prices and derivatives written by hand in C, with the vector mathematics of glibc.

Compiled when asked for, by gcc -O3 -march=native without fast-math: eight or four options at once
through GCC's vector types, and the vector exp, log and erf of libmvec. All cores through OpenMP.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import at_first_call

SOURCE = r"""
#include <math.h>
#ifdef __AVX512F__
enum { WIDE = 8 };
#define NAMED(f) _ZGVeN8v_##f
#else
enum { WIDE = 4 };
#define NAMED(f) _ZGVdN4v_##f
#endif
typedef double vector __attribute__((vector_size(8 * WIDE)));
typedef double loose __attribute__((vector_size(8 * WIDE), aligned(8)));
vector NAMED(exp)(vector), NAMED(log)(vector), NAMED(erf)(vector);

static inline vector at(const double *p) { return *(const loose *)p; }
static inline void put(double *p, vector x) { *(loose *)p = x; }
static inline vector root(vector x) {
    for (int i = 0; i < WIDE; i++) x[i] = __builtin_sqrt(x[i]);
    return x;
}

void price(long n, const double *spots, const double *volatilities, const double *rates,
           const double *times, const double *strikes, double *values, double *deltas,
           double *by_volatility, double *by_rate, double *by_time) {
    const double half = 0.70710678118654752440, density = 0.39894228040143267794;
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n; i += WIDE) {
        vector spot = at(spots + i), volatility = at(volatilities + i), rate = at(rates + i);
        vector time = at(times + i), strike = at(strikes + i);
        vector roots = root(time), spread = volatility * roots;
        vector d1 = (NAMED(log)(spot / strike) + rate * time) / spread + 0.5 * spread;
        vector delta = 0.5 + 0.5 * NAMED(erf)(half * d1);
        vector below = 0.5 + 0.5 * NAMED(erf)(half * (d1 - spread));
        vector paid = strike * NAMED(exp)(-rate * time) * below;
        vector dense = density * spot * NAMED(exp)(-0.5 * d1 * d1);
        put(values + i, spot * delta - paid);
        put(deltas + i, delta);
        put(by_volatility + i, dense * roots);
        put(by_rate + i, time * paid);
        put(by_time + i, 0.5 * dense * volatility / roots + rate * paid);
    }
}
"""

WIDEST = 8
"""The source does so many options at once, so their number must be a multiple of it."""

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fopenmp", "-shared", "-fPIC")


def built() -> Any:
    """The function `price` of the source, compiled for this machine."""
    folder = tempfile.mkdtemp()
    with open(f"{folder}/price.c", "w", encoding="utf-8") as file:
        file.write(SOURCE)
    library = f"{folder}/price.so"
    command = ["gcc", *FLAGS, f"{folder}/price.c", "-o", library, "-lmvec", "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(library).price


def make(*given: np.ndarray) -> Callable[[], Any]:
    """The work; results go to memory that is there."""
    count = len(given[0])
    if count % WIDEST:
        raise ValueError(f"the number of options must be a multiple of {WIDEST}, got {count}")
    results = [np.empty_like(given[0]) for _ in range(5)]

    def build() -> Callable[[], Any]:
        price = built()
        arrays = (*given, *results)
        price.argtypes = [ctypes.c_long, *(np.ctypeslib.ndpointer(a.dtype) for a in arrays)]

        def work() -> Any:
            price(count, *arrays)
            return results[0], tuple(results[1:])

        return work

    return at_first_call(build)
