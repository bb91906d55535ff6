"""Text that shows a number which is differentiated, and numbers that are read back from it.

To show a number is free, but to read it back takes it out of the graph. So a text that shows one
says so where it is read, also after it was cut, stripped, split or replaced (`Shown`). C code that
joins texts makes plain ones of it. So what was shown is noted as well, and who reads a number from
text while a transform is open asks whether its digits were shown there (`check_read`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.graph import engine
from adjoint.graph.caller import Asker, asker
from adjoint.graph.lost import handed_out, losers, report

if TYPE_CHECKING:
    from adjoint.graph.node import Node, Scope

_DIGITS = re.compile(r"\d[\d.]*")
_DIRECTIVE = re.compile(r"%(?:\([^)]*\))?([-+ #0]*\d*(?:\.\d*)?)[hlL]?([eEfFgG])")
_ANY_PRECISION = tuple(f"%.{places}e" for places in range(17))
_LEAST = 3
"""Fewer digits than these are found in other numbers by chance."""

_MANY = 64


class _Texts(threading.local):
    """What was shown in this thread, and the transforms that differentiate by it."""

    def __init__(self) -> None:
        self.found: list[tuple[Sequence[Scope], str]] = []
        self.most = _MANY

    def add(self, scopes: Sequence[Scope], text: str) -> None:
        """Note a text, and forget now and then those of transforms that are done."""
        self.found.append((scopes, text))
        if len(self.found) > self.most:
            self.forget_closed()
            self.most = 2 * len(self.found) + _MANY

    def forget_closed(self) -> None:
        """Forget the texts of transforms that are done."""
        self.found = [entry for entry in self.found if any(scope.open for scope in entry[0])]


_texts = _Texts()


def _open(scopes: Sequence[Scope]) -> list[Scope]:
    """Those of the transforms that would still lose something."""
    return [scope for scope in scopes if scope.open and scope.transform is not None]


class Shown(str):
    """The text of a number that is differentiated: who reads it back takes the number out."""

    scopes: Sequence[Scope]

    def __float__(self) -> float:
        scopes = _open(self.scopes)
        if scopes:
            report(scopes, asker())
        return float(str(self))

    def __complex__(self) -> complex:
        scopes = _open(self.scopes)
        if scopes:
            report(scopes, asker())
        return complex(str(self))

    def __str__(self) -> str:
        return "".join(self)

    def __radd__(self, other: str) -> Any:
        return _marked(str(other) + str(self), self.scopes)

    def __rmod__(self, other: str) -> Any:
        return _marked(str(other) % str(self), self.scopes)

    def __reduce__(self) -> Any:
        return str, (str(self),)


def _marked(found: Any, scopes: Sequence[Scope]) -> Any:
    """Text, and text in lists and tuples, as text that shows what is differentiated."""
    if isinstance(found, (list, tuple)):
        return type(found)([_marked(part, scopes) for part in found])
    if type(found) is not str:
        return found
    marked = Shown(found)
    marked.scopes = scopes
    return marked


def _marking(name: str) -> Callable[..., Any]:
    """A method of texts, of which the results are marked."""
    method = getattr(str, name)

    def marking(self: Shown, *args: Any, **kwargs: Any) -> Any:
        return _marked(method(self, *args, **kwargs), self.scopes)

    return marking


for _name in (
    *("__add__", "__format__", "__getitem__", "__mod__", "__mul__", "__rmul__", "center"),
    *("expandtabs", "format", "join", "ljust", "lower", "lstrip", "partition", "removeprefix"),
    *("removesuffix", "replace", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines"),
    *("strip", "translate", "upper", "zfill"),
):
    setattr(Shown, _name, _marking(_name))


def shown(text: str, node: Node) -> str:
    """`text`, which shows the value of a node."""
    scopes = losers(node)
    if not scopes:
        return text
    _texts.add(scopes, text)
    marked: str = _marked(text, scopes)
    return marked


def number_of(node: Node) -> Any:
    """The value of a node for use as a number: free where ``%`` writes it into text, and otherwise
    an error where that would lose a derivative."""
    scopes = losers(node)
    if not scopes:
        return handed_out(node)
    found = asker()
    if not found.formats:
        report(scopes, found)
        return engine.value_of(node)
    value = engine.value_of(node)
    number = float(np.asarray(value).reshape(()))
    for directive in _directives(found.formats):
        _texts.add(scopes, (directive % number).partition("e")[0])
    return value


def _directives(text: str) -> Sequence[str]:
    """How ``%`` writes floating numbers into this text; in all precisions if it does not say."""
    found = [f"%{flags}{kind.lower()}" for flags, kind in _DIRECTIVE.findall(text)]
    return found or _ANY_PRECISION


def check_read(found: Any, from_file: bool = False) -> None:
    """Raise, or as the option says, if a number that was read from text, or one within lists and
    dicts of them, has digits that were shown of what is still differentiated. Of a file, which has
    been there before as a rule, numbers of few digits are not looked at."""
    if not _texts.found:
        return
    entries = [(_open(scopes), text) for scopes, text in _texts.found]
    known = [
        (scopes, written(part))
        for scopes, text in entries
        if scopes
        for part in _DIGITS.findall(text)
    ]
    for digits in {written(repr(number)) for number in _numbers(found)}:
        for scopes, part in known:
            is_same = digits == part and not from_file
            if is_same or (len(digits) >= _LEAST and digits in part):
                report(scopes, _reader(asker(), digits))
                return


def _reader(found: Asker, digits: str) -> Asker:
    """Who reads a number from text, and its digits: another number may have the same by chance."""
    what = (
        f"{found.shown} reads the digits {digits or 0} from text, as which a tensor was shown, and"
    )
    return found._replace(name="", shown=what, reads_text=True)


def something_was_shown() -> bool:
    """Whether there are texts that show what is differentiated, in this thread."""
    if _texts.found:
        _texts.forget_closed()
    return bool(_texts.found)


def digits_shown(scopes: Collection[Scope], least: int) -> Collection[str]:
    """The digits of the numbers, of at least so many, in texts that show what is differentiated in
    one of the scopes."""
    texts = [text for members, text in _texts.found if any(x in scopes for x in members)]
    found = {written(part) for text in texts for part in _DIGITS.findall(text)}
    return {digits for digits in found if len(digits) >= least}


def written(number: str) -> str:
    """The digits of a number without sign, point, exponent and zeros at its ends."""
    found = _DIGITS.search(number)
    return found.group().replace(".", "").strip("0") if found else number


def _numbers(found: Any) -> Any:
    """The floating numbers in nested lists, dicts and arrays, and the parts of complex ones."""
    if isinstance(found, float):
        yield float(found)
    elif isinstance(found, complex):
        yield from (found.real, found.imag)
    elif isinstance(found, dict):
        for value in found.values():
            yield from _numbers(value)
    elif isinstance(found, (list, tuple, set)):
        for value in found:
            yield from _numbers(value)
    elif hasattr(found, "tolist"):
        yield from _numbers(found.tolist())
