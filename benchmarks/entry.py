"""What it costs to enter a compiled program: per call, and to make the entry of a program.

The bodies are next to nothing, so that the entry is everything: guards, results, references.
"""

from __future__ import annotations

import statistics
import time
import timeit
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir

import adjoint as ad
from adjoint.backends.llvm.compile import jit
from adjoint.backends.llvm.entry import entry
from adjoint.backends.llvm.entry.descriptor import Input, Output
from benchmarks.measure import Result

ANY, INT, LONG, DOUBLE = ir.PointerType(), ir.IntType(32), ir.IntType(64), ir.DoubleType()
F64 = np.dtype("float64")
NUMBER, SCALAR = Input(F64, (), python_scalar=True), Output(F64, ())
MOST_SCALAR, MOST_ARRAY = 300.0, 500.0


def run(smoke: bool) -> list[Result]:
    """Nanoseconds per call, and microseconds to make an entry."""
    if not entry.available:
        print(f"  native entries are unavailable: {entry.reason}")
        return []
    return [*calls(smoke), *binding((2,) if smoke else (2, 20, 200))]


def partials(x1: float, x2: float) -> tuple[float, float, float]:
    """What the scalar program computes: x1 x2 − x2², and its two partial derivatives."""
    return x1 * x2 - x2 * x2, x2, x1 - (x2 + x2)


def calls(smoke: bool) -> list[Result]:
    """Calls of native programs, beside the same in Python and NumPy."""
    inputs, outputs = [NUMBER, NUMBER], [SCALAR] * 3
    native = bind(inputs, outputs, (0, (1, 2)), partials_body)
    value, (first, second) = native(3.0, 5.0)
    assert tuple(map(float, (value, first, second))) == partials(3.0, 5.0), "wrong results"
    row, doubled = [Input(F64, (10,))], [Output(F64, (10,))]
    double = bind(row, doubled, 0, double_body)
    x = np.arange(10.0)
    assert (double(x).numpy() == 2 * x).all(), "wrong results"

    def timed(name: str, f: Callable[..., Any], *args: Any, most: float | None = None) -> Result:
        return Result(name, per_call(f, args, smoke), "ns", None if smoke else most)

    return [
        timed("2 floats to 3 tensors", native, 3.0, 5.0, most=MOST_SCALAR),
        timed("  the same in Python, floats to floats", partials, 3.0, 5.0),
        timed("  refused: the slow path is called", native, 3.0),
        timed("10 numbers to 10: array to tensor", double, x, most=MOST_ARRAY),
        timed("  tensor to tensor", double, ad.asarray(x), most=MOST_ARRAY),
        timed("  numpy.positive, array to array", np.positive, x),
        timed("an empty built-in: len(())", len, ()),
    ]


def per_call(f: Callable[..., Any], args: Sequence[Any], smoke: bool) -> float:
    """The median over repeats of the nanoseconds of one call."""
    names = [f"x{i}" for i in range(len(args))]
    scope = dict(zip(names, args, strict=True), f=f)
    timer = timeit.Timer(f"f({', '.join(names)})", globals=scope)
    once = timer.timeit(500) / 500
    repeats, inner = (3, 500) if smoke else (41, max(500, int(0.005 / once)))
    times = timer.repeat(repeats, inner)
    return 1e9 * statistics.median(times) / inner


def binding(counts: Sequence[int]) -> list[Result]:
    """The time to make an entry, for arrays in and as many out."""
    results = []
    code = load(empty_body)
    for count in counts:
        inputs, outputs = [Input(F64, (3,))] * count, [Output(F64, (3,))] * count
        given = (code.address("body"), inputs, outputs, tuple(range(count)), "f", "", refused)
        times = []
        for _ in range(5):
            started = time.perf_counter()
            entry.bind_entry(*given)
            times.append(time.perf_counter() - started)
        results.append(
            Result(f"an entry with {count} + {count} arrays", 1e6 * statistics.median(times), "us")
        )
    return results


def bind(inputs: Sequence[Input], outputs: Sequence[Output], tree: Any, body: Any) -> Any:
    """A program by its native entry."""
    code = load(body)
    given = (code.address("body"), inputs, outputs, tree, "f", "", refused)
    return entry.bind_entry(*given, keepalive=code)


def load(body: Any) -> Any:
    """The code of a body."""
    module = ir.Module("program")
    body(module)
    return jit.load_object(jit.compile_object({"driver": str(module)}), {})


def refused(*args: Any) -> None:
    """A slow path that does nothing."""


def empty_body(module: Any) -> Any:
    """Does nothing."""
    body = ir.Function(module, ir.FunctionType(INT, [ANY]), "body")
    ir.IRBuilder(body.append_basic_block()).ret(INT(0))
    return body


def _buffers(module: Any, count: int) -> tuple[Any, list[Any]]:
    body = ir.Function(module, ir.FunctionType(INT, [ANY]), "body")
    builder = ir.IRBuilder(body.append_basic_block())
    places = [builder.gep(body.args[0], [LONG(i)], source_etype=ANY) for i in range(count)]
    return builder, [builder.load(place, typ=ANY) for place in places]


def partials_body(module: Any) -> Any:
    """Two numbers in, three out."""
    builder, buffers = _buffers(module, 5)
    x1, x2 = (builder.load(buffer, typ=DOUBLE) for buffer in buffers[:2])
    value = builder.fsub(builder.fmul(x1, x2), builder.fmul(x2, x2))
    for result, buffer in zip(
        (value, x2, builder.fsub(x1, builder.fadd(x2, x2))), buffers[2:], strict=True
    ):
        builder.store(result, buffer)
    builder.ret(INT(0))
    return builder.function


def double_body(module: Any) -> Any:
    """Ten numbers in, ten out, doubled."""
    builder, (source, target) = _buffers(module, 2)
    for i in range(10):
        number = builder.load(builder.gep(source, [LONG(i)], source_etype=DOUBLE), typ=DOUBLE)
        place = builder.gep(target, [LONG(i)], source_etype=DOUBLE)
        builder.store(builder.fadd(number, number), place)
    builder.ret(INT(0))
    return builder.function
