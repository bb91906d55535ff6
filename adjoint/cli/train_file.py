"""The file of a training run: its weights, and all that is needed to go on as if never stopped.

A safetensors file. The weights have their own names, the state of the optimiser is under
``optimizer/``, and one metadata entry holds the rest as JSON, with a checksum over the tensors.
The order of the minibatches needs no generator to be carried: it is decided by the seed and the
epoch alone. The same run gives the same bytes.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from adjoint.api.atomic_write import atomic_write
from adjoint.api.tree import flatten
from adjoint.errors import AdjointError, ArgumentError, DataError
from adjoint.graph.tensor import as_tensor
from adjoint.optim.base import Optimizer

_ENTRY = "adjoint.train"
_VERSION = 1
_OPTIMIZER = "optimizer"


@dataclass(frozen=True)
class Settings:
    """What decides a run, together with its data."""

    data: str | None = None
    hidden: int = 128
    epochs: int = 30
    batch: int = 32
    learning_rate: float = 0.05
    momentum: float = 0.9
    seed: int = 0


@dataclass
class Progress:
    """How far a run is: epochs done, and for each the loss, training error and test error."""

    data: str
    epoch: int = 0
    history: list[tuple[float, float, float]] = field(default_factory=list)


@dataclass
class Run:
    """A run between two epochs. `tensors` are those of the file, weights and optimiser state."""

    settings: Settings
    progress: Progress
    tensors: dict[str, np.ndarray[Any, Any]]


def named(prefix: str, tree: Any) -> dict[str, np.ndarray[Any, Any]]:
    """The leaves of a tree as arrays, each named by its path."""
    leaves, structure = flatten(tree)
    names = ["/".join(map(str, (*filter(None, [prefix]), *path))) for path in structure.paths()]
    return {name: as_tensor(leaf).numpy() for name, leaf in zip(names, leaves, strict=True)}


def save(path: Path, settings: Settings, progress: Progress, params: Any, state: Any) -> None:
    """Write the run to `path`, all of it or nothing."""
    from safetensors.numpy import save as pack

    tensors = named("", params) | named(_OPTIMIZER, state)
    described = {
        "version": _VERSION,
        "settings": asdict(settings),
        "progress": asdict(progress),
        "rng": {"generator": "Philox", "key": ["seed", "epoch"]},
        "checksum": checksum(tensors),
    }
    content = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    atomic_write(path, pack(content, {_ENTRY: json.dumps(described)}))


def checksum(tensors: dict[str, np.ndarray[Any, Any]]) -> int:
    """A number that differs if any tensor, name or shape does."""
    total = 0
    for name in sorted(tensors):
        array = tensors[name]
        total = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), total)
        total = zlib.crc32(array.tobytes(), total)
    return total


def load(path: Path) -> Run:
    """The run in the file at `path`; `DataError` if it is damaged or something else."""
    described, tensors = _read(path)
    entry = described.get(_ENTRY)
    if entry is None:
        raise DataError(
            f"{path}: holds tensors but no training run; expected a file that adjoint train "
            f"wrote, such as weights.safetensors"
        )
    try:
        found = json.loads(entry)
        if found["version"] != _VERSION:
            raise DataError(
                f"{path}: has version {found['version']} of the format, this adjoint reads "
                f"version {_VERSION}; train again, or use the adjoint that wrote it"
            )
        settings = Settings(**_checked(Settings(), found["settings"]))
        progress = Progress(**found["progress"])
        progress.history = [(float(a), float(b), float(c)) for a, b, c in progress.history]
        intact = found["checksum"] == checksum(tensors) and progress.epoch == len(progress.history)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, AdjointError):
            raise
        raise DataError(_damaged(path, f"its description is not readable ({error})")) from None
    if not intact:
        raise DataError(_damaged(path, "its checksum is not that of its contents"))
    return Run(settings, progress, tensors)


def _read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray[Any, Any]]]:
    from safetensors import SafetensorError, safe_open

    if path.is_dir():
        raise DataError(f"{path}: is a directory; expected the weights.safetensors of a run")
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise DataError(
            f"{path}: there is no such file; expected the weights.safetensors of a run"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (SafetensorError, ValueError, TypeError) as error:
        raise DataError(_damaged(path, f"not a complete safetensors file ({error})")) from None


def _damaged(path: Path, why: str) -> str:
    return f"{path}: {why}; expected a file that adjoint train wrote, so start a new run"


def _checked(default: Settings, found: dict[str, Any]) -> dict[str, Any]:
    """The settings of a file, each of the kind it should be."""
    for item in fields(default):
        wanted = type(getattr(default, item.name))
        value = found[item.name]
        if not (isinstance(value, wanted) or (item.name == "data" and isinstance(value, str))):
            raise TypeError(f"{item.name} is {value!r}")
    return found


def restore(path: Path, run: Run, optimizer: Optimizer, fresh: Any) -> tuple[Any, Any]:
    """Parameters and optimiser state of a run, in the structure of freshly made ones."""
    state = optimizer.init(fresh)
    wanted = named("", fresh) | named(_OPTIMIZER, state)
    if wanted.keys() != run.tensors.keys():
        odd = sorted(wanted.keys() ^ run.tensors.keys())
        raise DataError(_damaged(path, f"tensors are missing or too many: {', '.join(odd)}"))
    for name, array in wanted.items():
        found = run.tensors[name]
        if found.shape != array.shape or found.dtype != array.dtype:
            raise DataError(
                f"{path}: {name} is {found.dtype}{list(found.shape)}, but this network needs "
                f"{array.dtype}{list(array.shape)}; resume with the data and the width of the run"
            )

    def filled(prefix: str, tree: Any) -> Any:
        structure = flatten(tree)[1]
        return structure.unflatten([as_tensor(run.tensors[n]) for n in named(prefix, tree)])

    return filled("", fresh), filled(_OPTIMIZER, state)


def merge(path: Path, run: Run, given: dict[str, Any]) -> Settings:
    """The settings of a run that goes on, with the options `given` on the command line.

    The number of epochs may change, and the place where the same data lie: anything else would
    give neither this run nor that.
    """
    told = asdict(run.settings)
    for name, value in given.items():
        if name not in ("epochs", "data") and value != told[name]:
            option = "--" + name.replace("_", "-")
            raise ArgumentError(
                f"{option} {value}: the run in {path} was started with {option} {told[name]}, and "
                f"resuming continues it unchanged; leave {option} out, or start a new run "
                f"without --resume"
            )
    settings = Settings(**(told | given))
    if run.progress.epoch >= settings.epochs:
        raise ArgumentError(
            f"--resume {path}: this run has done {run.progress.epoch} epochs of "
            f"{settings.epochs}; ask for more with --epochs {2 * run.progress.epoch}"
        )
    return settings
