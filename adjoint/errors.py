"""Floor 0: the errors adjoint raises on purpose.

Every class also derives from the built-in exception that fits, so that ``except ValueError``
keeps working. A message says what was given, what was expected and what to do.
"""

from __future__ import annotations

import numpy as np


class AdjointError(Exception):
    """Base class of every error that adjoint raises on purpose."""


class ShapeError(AdjointError, ValueError):
    """Shapes do not fit together."""


class AxisError(ShapeError, np.exceptions.AxisError):
    """An axis does not exist, or not with the size of a mask; an `IndexError`, too, as NumPy's."""


class LabelsError(AdjointError, ValueError):
    """Labels of series, frames or arrays of xarray do not fit together."""


class DTypeError(AdjointError, TypeError):
    """A dtype is not supported, or not allowed where it was given."""


class ArgumentError(AdjointError, TypeError):
    """An argument is of the wrong kind, missing, or one too many."""


class RangeError(AdjointError, ValueError):
    """An argument is of the right kind but its value is not allowed."""


class TooLargeError(AdjointError, OverflowError):
    """A number does not fit into the dtype it is to have."""


class OutOfBoundsError(AdjointError, IndexError):
    """An index points outside its axis."""


class UnknownNameError(AdjointError, LookupError):
    """A name (of an operation, variable, option, …) is not known."""


class GraphError(AdjointError, ValueError):
    """A graph is malformed: it has a cycle, or a node breaks an invariant."""


class HistoryError(AdjointError, RuntimeError):
    """A derivative needs a part of the graph that was let go, or lies inside an operation."""


class DonatedError(AdjointError, RuntimeError):
    """The value of a tensor was asked for that was given away with `donate`."""


class ConcretizationError(AdjointError, TypeError):
    """A value was asked for while only shapes and dtypes are known."""


class LostDerivativeError(AdjointError, TypeError):
    """A value that somebody differentiates by would leave the graph as a plain number or array."""


class NotDifferentiableError(AdjointError, NotImplementedError):
    """An operation has no derivative rule for the input it was asked for."""


class GradientMismatchError(AdjointError, AssertionError):
    """Two ways of computing a derivative disagree."""


class LinAlgError(AdjointError, np.linalg.LinAlgError):
    """A matrix has no inverse, or not the decomposition that was asked for."""


class NanError(AdjointError, FloatingPointError):
    """A value looked at is nan, made by an operation from inputs without, under ``debug_nans``."""


class ExpressionError(AdjointError, ValueError):
    """A formula typed by a user is not mathematics that adjoint can read."""


class DataError(AdjointError, ValueError):
    """A data file is missing, damaged, or does not hold what its name promises."""


class MissingExtraError(AdjointError, ImportError):
    """Something needs a package that comes with an extra of adjoint and is not installed."""

    def __init__(self, what: str, package: str, extra: str, otherwise: str = "") -> None:
        super().__init__(
            f"{what} needs {package}, which is not installed; run: "
            f'pip install "adjoint[{extra}]"{f" ({otherwise})" if otherwise else ""}',
            name=package,
        )


class SaveError(AdjointError, OSError):
    """A file could not be written; what stood there before is untouched."""


class LostDerivativeWarning(UserWarning):
    """A value that somebody differentiates by left the graph, under ``lost_derivatives="warn"``; or
    a constant has the digits of a text that shows one, and may have been read from it."""


class ConstantDrawWarning(UserWarning):
    """Random numbers of NumPy became constants of a function that is compiled, mapped or looped."""


class KinkWarning(UserWarning):
    """A derivative of the second order or higher is nan, as it rests on a slope that was chosen."""


class ConvergenceWarning(UserWarning):
    """An iteration stopped before it found what was asked for."""
