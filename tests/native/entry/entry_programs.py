"""Small programs by hand, entered natively and through Python: what the tests of entries share.

Run as a program it is the fuzz test: ``python entry_programs.py SEED COUNT``.
"""

from __future__ import annotations

import functools
import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

import adjoint as ad
from adjoint.backends.llvm.entry import entry
from adjoint.backends.llvm.entry.descriptor import Input, Output
from tests.native.entry.python_entry import python_entry

ANY, INT, LONG = ir.PointerType(), ir.IntType(32), ir.IntType(64)
DOUBLE = ir.DoubleType()
F64 = np.dtype("float64")
NUMBER = Input(F64, (), python_scalar=True)
SCALAR = Output(F64, ())
ROW = Output(F64, (3,))


def machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True
    )


def load(module: Any, level: int = 3) -> Any:
    """The engine that holds the optimised code of a module."""
    target = machine()
    module.triple = llvm.get_default_triple()
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    builder = llvm.create_pass_builder(
        target, llvm.create_pipeline_tuning_options(speed_level=level)
    )
    builder.getModulePassManager().run(parsed, builder)
    engine = llvm.create_mcjit_compiler(parsed, target)
    engine.finalize_object()
    return engine


def _start(module: Any) -> tuple[Any, Callable[[int], Any]]:
    body = ir.Function(module, ir.FunctionType(INT, [ANY]), "body")
    builder = ir.IRBuilder(body.append_basic_block("start"))

    def buffer(index: int) -> Any:
        place = builder.gep(body.args[0], [LONG(index)], source_etype=ANY)
        return builder.load(place, typ=ANY)

    return builder, buffer


def copy_body(
    module: Any, inputs: Sequence[Input], outputs: Sequence[Output], first: str = ""
) -> Any:
    """Output k is a copy of the bytes of input k; before, a function of the name `first` runs."""
    builder, buffer = _start(module)
    if first:
        builder.call(ir.Function(module, ir.FunctionType(ir.VoidType(), []), first), [])
    copy = ir.Function(module, ir.FunctionType(ANY, [ANY, ANY, LONG]), "memcpy")
    for k, spec in enumerate(outputs):
        size = math.prod(spec.shape) * spec.dtype.itemsize
        builder.call(copy, [buffer(len(inputs) + k), buffer(k), LONG(size)])
    builder.ret(INT(0))
    return builder.function


def sum_body(module: Any, inputs: Sequence[Input], outputs: Sequence[Output]) -> Any:
    """Output k is the first number of all inputs, added up, times k + 1."""
    builder, buffer = _start(module)
    total = DOUBLE(0.0)
    for i in range(len(inputs)):
        total = builder.fadd(total, builder.load(buffer(i), typ=DOUBLE))
    for k in range(len(outputs)):
        builder.store(builder.fmul(total, DOUBLE(k + 1)), buffer(len(inputs) + k))
    builder.ret(INT(0))
    return builder.function


def failing_body(
    module: Any, inputs: Sequence[Input], outputs: Sequence[Output], raises: bool = True
) -> Any:
    """Runs out of memory, or just gives up."""
    builder, _ = _start(module)
    if raises:
        fail = ir.Function(module, ir.FunctionType(ANY, []), "PyErr_NoMemory")
        builder.call(fail, [])
    builder.ret(INT(1))
    return builder.function


def refused(*args: Any, **kwargs: Any) -> Any:
    """A slow path that shows what it was given."""
    return "slow", args, kwargs


@dataclass
class Program:
    """A program by both entries."""

    native: Callable[..., Any]
    python: Callable[..., Any]


def program(
    inputs: Sequence[Input],
    outputs: Sequence[Output],
    tree: Any = None,
    body: Callable[..., Any] = copy_body,
    slow: Callable[..., Any] = refused,
    unflatten: Any = None,
    release_gil: bool = False,
    level: int = 3,
) -> Program:
    tree = tuple(range(len(outputs))) if tree is None else tree
    module = ir.Module("program")
    body(module, inputs, outputs)
    engine = load(module, level)
    given = (engine.get_function_address("body"), inputs, outputs, tree, "f", "A program.", slow)
    return Program(
        entry.bind_entry(*given, unflatten, engine, release_gil=release_gil),
        python_entry(*given, unflatten, engine, release_gil),
    )


# The fuzz test: any arguments at all, given to both entries, must lead to the same.


def sums(count: int, tree: Any = None, **options: Any) -> Program:
    return program([NUMBER, NUMBER], [SCALAR] * count, tree, sum_body, **options)


class OddArray(np.ndarray):
    """A subclass, which is not an array as programs know it."""


class OddFloat(float):
    """Likewise, whose methods are not to be called."""

    def __float__(self) -> float:
        raise RuntimeError("nobody should ask")


def _odd_things(draw: random.Random) -> list[Callable[[], Any]]:
    whole = np.arange(24.0).reshape(4, 6)
    dtypes = [
        "bool",
        "i1",
        "i4",
        "i8",
        "u8",
        "f2",
        "f4",
        "f8",
        ">f8",
        "c8",
        "c16",
        "O",
        "U3",
        "M8[s]",
    ]
    shapes = ((), (0,), (1,), (3,), (4,), (2, 3), (3, 2), (3, 1), (0, 3), (1, 3), (2, 3, 1))
    view = np.zeros(40, np.uint8)

    def array() -> Any:
        dtype = np.dtype(draw.choice(dtypes))
        return np.ones(draw.choice(shapes), np.int8).astype(dtype)

    def layout() -> Any:
        return draw.choice((
            whole[:2, :3], whole[::-1][0, :3], whole.T[:3, :2], whole[0, ::-2],
            view[1:25].view("f8"), np.broadcast_to(1.0, (3,)), np.asfortranarray(whole[:2, :3]),
            np.ones(3, [("a", "f8")]), np.ones(3).view(OddArray), np.ma.ones(3),
            np.ones(3, np.dtype("f8", metadata={"a": 1})), np.float64(2), np.float32(2),
            np.int64(2), np.bool_(1), np.complex128(2j), np.str_("a"), np.float16(1),
        ))  # fmt: skip

    def read_only() -> Any:
        made = np.ones(draw.choice(shapes))
        made.flags.writeable = False
        return made

    def tensor() -> Any:
        made = ad.asarray(np.ones(draw.choice(shapes), draw.choice(("f8", "f4", "i8", "?"))))
        choice = draw.randrange(6)
        if choice == 0:
            return made + 1
        if choice == 1:
            return ad.evaluate(made * 2)
        if choice == 2:
            return ad.variable(1.0)
        if choice == 3:
            broken = object.__new__(ad.Tensor)
            if draw.random() < 0.7:
                broken.node = draw.choice((None, 3, "x", broken))
            return broken
        if choice == 4:
            made.node.value = draw.choice((None, 1.0, "x", np.float64(3), [1.0], np.ones(3)))
        return made

    plain = (
        None, True, False, 0, 1, -1, 2**31, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**400,
        1.5, float("nan"), float("inf"), -0.0, 1e300, 2j, "x", b"x", (), (1.0,), [1.0], {}, {1.0},
        object(), int, float, OddFloat(1.0), np.ndarray, refused, ..., range(3), Exception(), 300,
    )  # fmt: skip
    return [lambda: draw.choice(plain), array, layout, read_only, tensor, array, tensor]


def _specimens(draw: random.Random) -> Sequence[tuple[Input, Callable[[], Any]]]:
    """Inputs, each with what makes a fitting argument."""
    made: list[tuple[Input, Callable[[], Any]]] = []
    for name in ("float64", "float32", "int64", "int8", "uint8", "uint64", "bool", "complex128"):
        dtype = np.dtype(name)
        number = {"b": True, "i": 7, "u": 7, "f": 2.5, "c": 1 + 2j}[dtype.kind]
        made.append((Input(dtype, (), True), functools.partial(lambda x: x, number)))
        for shape in ((), (3,), (2, 3), (0,)):
            array = np.ones(shape, dtype)
            choices = [array, ad.asarray(array), array[()]]
            made.append((Input(dtype, shape), functools.partial(draw.choice, choices)))
    return made


def _same(a: Any, b: Any) -> bool:
    """Whether two outcomes are alike; what was passed on must be the very same objects."""
    if a is b:
        return True
    if type(a) is tuple and type(b) is tuple:
        return len(a) == len(b) and all(map(_same, a, b))
    if type(a) is dict and type(b) is dict:
        return a.keys() == b.keys() and all(a[key] is b[key] for key in a)
    if type(a) is ad.Tensor and type(b) is ad.Tensor:
        x, y = a.node, b.node
        alike = (x.op, x.inputs, x.params, x.shape, x.dtype, x.scope, x.depth) == (
            y.op, y.inputs, y.params, y.shape, y.dtype, y.scope, y.depth
        ) and type(x.value) is type(y.value)  # fmt: skip
        return alike and x.value.dtype is y.value.dtype and x.value.tobytes() == y.value.tobytes()
    return False


def fuzz(seed: int, count: int) -> tuple[int, int]:
    """Call random programs with random arguments `count` times; how many took which way."""
    draw = random.Random(seed)
    odd, specimens = _odd_things(draw), _specimens(draw)
    fast = 0
    for _ in range(max(count // 200, 1)):
        chosen = draw.choices(specimens, k=draw.randrange(4))
        inputs = [spec for spec, _ in chosen]
        outputs = [Output(spec.dtype, spec.shape) for spec in inputs]
        made = program(inputs, outputs, level=draw.choice((0, 2)))
        for _ in range(200):
            args = [make() if draw.random() < 0.8 else draw.choice(odd)() for _, make in chosen]
            if draw.random() < 0.1:
                args = args[:-1] if draw.random() < 0.5 else args * draw.choice((2, 100))
            words = {"x": args.pop()} if args and draw.random() < 0.1 else {}
            a, b = made.native(*args, **words), made.python(*args, **words)
            assert _same(a, b), (inputs, args, words, a, b)
            fast += a[:1] != ("slow",)
    return fast, count


if __name__ == "__main__":
    print(*fuzz(int(sys.argv[1]), int(sys.argv[2])))
