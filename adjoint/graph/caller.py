"""The user's own line: where a call of the library came from, and what he called there."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

_PASSED_OVER = frozenset({__name__.partition(".")[0], "numpy", "optree", "functools", "contextlib"})
"""Packages whose frames stand between the user's line and the library."""
_LIBRARIES = _PASSED_OVER | {"scipy", "array_api_compat", "matplotlib", "pandas", "sklearn"}
"""Packages that ask for values on behalf of the user's line."""

_WRITING_GLOBALS = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})


def user_line() -> tuple[str, int] | None:
    """File and line of the innermost call from outside the library; None if there is none."""
    for frame in _frames(sys._getframe(1)):
        if not _is_of(frame, _PASSED_OVER):
            return frame.f_code.co_filename, frame.f_lineno
    return None


def warn(text: str, category: type[Warning]) -> None:
    """Give a warning that names the user's line."""
    frames = enumerate(_frames(sys._getframe()), 1)
    level = next((level for level, frame in frames if not _is_of(frame, _PASSED_OVER)), 1)
    warnings.warn(text, category, stacklevel=level)


def package_of_caller() -> str:
    """The package that called the library; empty if there is none."""
    for frame in _frames(sys._getframe(1)):
        if not _is_of(frame, _PASSED_OVER):
            return str(frame.f_globals.get("__name__") or "").partition(".")[0]
    return ""


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_of(frame: FrameType, packages: frozenset[str]) -> bool:
    module = frame.f_globals.get("__name__") or ""
    return module.partition(".")[0] in packages


def user_place() -> str:
    """The user's line as text, as in ``model.py:12``; empty if there is none."""
    found = user_line()
    return "" if found is None else f"{found[0]}:{found[1]}"


_OPERATORS_OF_SPARSE = frozenset(
    ("_matmul_dispatch", "_divide", "multiply", "_multiply_2d_with_broadcasting")
)
"""Where SciPy's sparse matrices ask an operand for an array, and leave others to its operators."""


def is_operator_of_sparse(frame: FrameType) -> bool:
    """Whether a frame computes a product or quotient by an operator of SciPy's sparse matrices,
    which leaves an operand that is no array to that operand. The method `multiply` does not."""
    if frame.f_code.co_name not in _OPERATORS_OF_SPARSE:
        return False
    if not str(frame.f_globals.get("__name__")).startswith("scipy.sparse"):
        return False
    caller: FrameType | None = frame
    while caller is not None and "multiply" in caller.f_code.co_name:
        caller = caller.f_back
    if caller is frame:
        return True
    return caller is not None and caller.f_code.co_name in ("__mul__", "__rmul__")


def is_operator_of_tensor(frame: FrameType) -> bool:
    """Whether a frame, or one of the few that called it, computes an operator of a tensor."""
    near = islice(_frames(frame), 10)
    return any(f.f_globals.get("__name__") == "adjoint.graph.operators" for f in near)


# Who asks for a value: read off the instruction that the user's frame is at.


class Asker(NamedTuple):
    """What asked for a plain value: its full name, how to show it, and the user's line.

    `stores` if the value was to be written into an array. `formats`: the text into which ``%`` was
    to write it. `reads_text` if it was shown, and is read back. `writes_global`: which global the
    user's function writes, if it does. `sequence`: which operand of an operator is a list or tuple,
    of which NumPy makes an array by itself.
    """

    name: str
    shown: str
    place: str
    stores: bool = False
    formats: str = ""
    reads_text: bool = False
    writes_global: str = ""
    sequence: str = ""


def asker() -> Asker:
    """The function that the user's line called and that now asks a tensor for its value."""
    library: FrameType | None = None
    for frame in _frames(sys._getframe(1)):
        if _is_of(frame, _LIBRARIES):
            if not _is_of(frame, frozenset({__name__.partition(".")[0]})):
                library = frame
            continue
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        found = _read(frame, place)
        if found is not None and (found.name or library is None):
            return found._replace(writes_global=_global_written(frame.f_code))
        break
    else:
        place = ""
    if library is not None:
        name = public_name(library.f_globals.get("__name__", ""), library.f_code.co_qualname)
        return Asker(name, name, place)
    return Asker("", "plain Python or NumPy", place)


def public_name(module: str, name: str) -> str:
    """The name by which users know a function: without the private parts of its path."""
    parts = [part for part in module.split(".") if part and not part.startswith("_")]
    return ".".join([*parts, name.partition(".<locals>")[0]])


@lru_cache(maxsize=1024)  # whoever asks once asks often, and reading code takes a millisecond
def _global_written(code: CodeType) -> str:
    """The first global that a function writes or deletes; empty if it does not."""
    steps = dis.get_instructions(code)
    return next((str(s.argval) for s in steps if s.opname in _WRITING_GLOBALS), "")


def _read(frame: FrameType, place: str) -> Asker | None:
    """What the expression at which `frame` stands calls; None where there is no source to read."""
    lines = _source_at(frame)
    if lines is None:
        return None
    for text in (lines, f"({lines})", f"{lines}: pass"):
        try:
            tree = ast.parse(text.strip())
            break
        except SyntaxError:
            continue
    else:
        return None
    statement: Any = tree.body[0] if tree.body else None
    formats = _formatted(frame, statement)
    if formats:
        return Asker("", f"`{_short(lines)}`", place, formats=formats)
    if isinstance(statement, (ast.Assign, ast.AugAssign, ast.Subscript)) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Subscript)
    ):
        return Asker("", f"writing into an array, `{_short(lines)}`,", place, stores=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            shown = ast.unparse(node.func)
            name = _full_name(frame, node.func) or shown
            return Asker(name, name, place)
    shown = f"`{_short(lines)}`"
    return Asker("", shown, place, sequence=_sequence_among_operands(frame, statement))


def _sequence_among_operands(frame: FrameType, statement: Any) -> str:
    """The operand of an operator that is a list or tuple, as it is written; empty if none is."""
    found = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(found, ast.BinOp):
        return ""
    for operand in (found.left, found.right):
        if isinstance(operand, (ast.List, ast.Tuple)):
            return ast.unparse(operand)
        if isinstance(_named(frame, operand), (list, tuple)):
            return ast.unparse(operand)
    return ""


def _formatted(frame: FrameType, statement: Any) -> str:
    """The text into which a statement writes by ``%`` or ``%=``: a constant, what a name means, or
    the constant parts of an f-string; empty if it does something else."""
    found: Any = statement.value if isinstance(statement, ast.Expr) else statement
    if not isinstance(getattr(found, "op", None), ast.Mod):
        return ""
    left = found.left if isinstance(found, ast.BinOp) else found.target
    if isinstance(left, ast.JoinedStr):
        parts = [part.value for part in left.values if isinstance(part, ast.Constant)]
        return "".join(map(str, parts)) or "%"
    text = left.value if isinstance(left, ast.Constant) else _named(frame, left)
    return text if isinstance(text, str) else ""


def _named(frame: FrameType, left: ast.expr) -> Any:
    """What a name, with attributes or without, means in a frame; None where that is computed."""
    if isinstance(left, ast.Attribute):
        return inspect.getattr_static(_named(frame, left.value), left.attr, None)
    return (
        _looked_up(left.id, (frame.f_locals, frame.f_globals))
        if isinstance(left, ast.Name)
        else None
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."


def _source_at(frame: FrameType) -> str | None:
    """The text of the expression that is being computed, as its positions in the source say."""
    where = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    if where is None or None in where:
        return None
    line, end_line, column, end_column = where
    assert line is not None and end_line is not None
    file = frame.f_code.co_filename
    lines = [linecache.getline(file, n, frame.f_globals) for n in range(line, end_line + 1)]
    if not all(lines):
        return None
    encoded = [text.encode() for text in lines]  # columns count bytes
    encoded[-1] = encoded[-1][:end_column]
    encoded[0] = encoded[0][column:]
    return b"".join(encoded).decode(errors="replace")


def _is_generator(owner: Any, path: list[str]) -> bool:
    """Whether NumPy's generator of random numbers is found in `owner` along attributes."""
    for name in path:
        owner = getattr(owner, "__dict__", {}).get(name)
    return (type(owner).__module__ or "").startswith("numpy.random")


def _looked_up(name: str, scopes: Sequence[Mapping[str, Any]]) -> Any:
    """What a name means in the first scope that has it, or None. (The globals of traced code find
    names that they do not contain.)"""
    for scope in scopes:
        try:
            return scope[name]
        except KeyError:
            continue
    return None


def _full_name(frame: FrameType, called: ast.expr) -> str | None:
    """``scipy.special.logsumexp`` for ``ss.logsumexp``, found through the names of the frame."""
    names: list[str] = []
    while isinstance(called, ast.Attribute):
        names.insert(0, called.attr)
        called = called.value
    if not isinstance(called, ast.Name):
        return None
    scopes = (frame.f_locals, frame.f_globals, frame.f_builtins)
    found = _looked_up(called.id, scopes)
    prefix = found.__name__ if isinstance(found, ModuleType) else None
    if prefix is not None:
        return ".".join([prefix, *names])
    if names and _is_generator(found, names[:-1]):
        return f"numpy.random.{names[-1]}"
    if not names and found is not None:
        module = getattr(found, "__module__", None)
        home = module if isinstance(module, str) else type(found).__module__
        own = getattr(found, "__qualname__", None) or getattr(found, "__name__", called.id)
        return public_name(home, str(own)).removeprefix("builtins.")
    return None
