"""The lecture's two-layer network learns real handwritten digits.

The loop of the lecture: minibatch, loss, gradient, step. After every epoch the whole run is
written to one file, so that it can be stopped at any time and resumed without a trace.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from adjoint.api.compiling import compile
from adjoint.api.derivatives import value_and_grad
from adjoint.array.statistics.descriptive import mean
from adjoint.cli import train_file, train_report
from adjoint.cli.train_file import Progress, Settings
from adjoint.data.dataset import Dataset, Split
from adjoint.data.digits import load_digits
from adjoint.data.idx import load_idx
from adjoint.errors import DataError, RangeError, SaveError
from adjoint.graph.tensor import Tensor
from adjoint.nn.layers import Layer, two_layer
from adjoint.nn.losses import error_rate, softmax_cross_entropy
from adjoint.optim.base import Optimizer, apply_updates
from adjoint.optim.first_order import sgd

WEIGHTS = "weights.safetensors"
CURVE = "loss.png"
INTERRUPTED = 130
_DEFAULT_OUT = "adjoint-train"
_INITIAL = 2**63
"""The first weights are decided by the seed and this; the minibatches by the seed and the epoch."""

_SMALL = 1 << 25
"""Multiplications in a matrix product below which a second thread costs more than it brings."""

Step = Callable[[Any, Any, Tensor, Tensor], tuple[Tensor, Tensor, Any, Any]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `adjoint train`. None stands for an option that was not given."""
    default = Settings()
    add = parser.add_argument
    add("--data", metavar="DIR", help="MNIST-format IDX files (default: scikit-learn's digits)")
    add("--hidden", type=int, metavar="N", help=f"width of the network ({default.hidden})")
    add("--epochs", type=int, metavar="N", help=f"times through the data ({default.epochs})")
    add("--batch", type=int, metavar="N", help=f"examples in a minibatch ({default.batch})")
    add(
        "--learning-rate",
        "--lr",
        type=float,
        metavar="X",
        help=f"length of a step ({default.learning_rate})",
    )
    add("--momentum", type=float, metavar="X", help=f"0 for plain SGD ({default.momentum})")
    add("--seed", type=int, metavar="N", help=f"same seed, same result ({default.seed})")
    add("--out", metavar="DIR", help=f"where to put {WEIGHTS} and {CURVE} ({_DEFAULT_OUT})")
    add("--resume", metavar="FILE", help=f"go on with the run in this {WEIGHTS}")
    add("--quiet", action="store_true", help="print nothing but the result")
    add("--no-progress", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    """Train as the options say; returns the exit code. User errors are `AdjointError`s."""
    train_report.need("safetensors", "saving the weights")
    train_report.need("matplotlib", "drawing the loss curve")
    given = {
        item.name: getattr(args, item.name)
        for item in fields(Settings)
        if getattr(args, item.name) is not None
    }
    check(given)
    source = None if args.resume is None else Path(args.resume)
    found = None if source is None else train_file.load(source)
    if source is None or found is None:
        settings = Settings(**given)
    else:
        settings = train_file.merge(source, found, given)
    split = load_digits() if settings.data is None else load_idx(settings.data)
    progress = Progress(split.train.fingerprint())
    if found is not None:
        if found.progress.data != progress.data:
            raise DataError(
                f"--resume {source}: that run was trained on other data ({found.progress.data}) "
                f"than {split.train.name} ({progress.data}); expected the same files"
            )
        progress = found.progress
    out = Path(args.out or (source.parent if source is not None else _DEFAULT_OUT))
    make_directory(out)
    training = Training(settings, split, progress, out, source)
    if source is not None and found is not None:
        training.params, training.state = train_file.restore(
            source, found, training.optimizer, training.params
        )
    return training.go(quiet=args.quiet, bar=not args.no_progress)


def check(given: dict[str, Any]) -> None:
    """Raise `RangeError` for an option whose value makes no sense."""
    for name, value in given.items():
        option = "--" + name.replace("_", "-")
        if name in ("hidden", "epochs", "batch") and value < 1:
            raise RangeError(f"{option} must be at least 1, got {value}")
        if name == "learning_rate" and not (0 < value < math.inf):
            raise RangeError(f"{option} must be a positive number, got {value:g}")
        if name == "momentum" and not (0 <= value < 1):
            raise RangeError(f"{option} must be at least 0 and below 1, got {value:g}")
        if name == "seed" and not (0 <= value < 2**64):
            raise RangeError(f"{option} must be from 0 to 2**64 - 1, got {value}")


def make_directory(out: Path) -> None:
    """Make the directory `out`; `SaveError` now rather than later if it cannot be written to."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SaveError(
            f"--out {out}: files cannot be written there ({reason}); give another directory"
        ) from None


def threads(multiplications: int) -> AbstractContextManager[Any]:
    """One thread for small matrix products: more would wait for each other, longest on a busy
    machine, and results would depend on how many there are."""
    if multiplications > _SMALL:
        return nullcontext()
    try:
        from threadpoolctl import threadpool_limits  # comes with scikit-learn
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[Any] = threadpool_limits(1, "blas")
    return limits


def make_step(net: Layer, optimizer: Optimizer) -> Step:
    """One step of the lecture's loop, compiled: loss, error, parameters and state together.

    An uncompiled one would be answered by native code from some step on, with other last bits, and
    a run that is resumed would come to that step later.
    """

    def step(params: Any, state: Any, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Any, Any]:
        def loss(params: Any) -> tuple[Tensor, Tensor]:
            logits = net.apply(params, x)
            return mean(softmax_cross_entropy(logits, y)), logits

        (value, logits), gradients = value_and_grad(loss, has_aux=True)(params)
        updates, state = optimizer.update(gradients, state, params)
        return value, error_rate(logits, y), apply_updates(params, updates), state

    compiled: Step = compile(step)
    return compiled


@dataclass
class Training:
    """A run: what decides it, how far it is, and where it stands."""

    settings: Settings
    split: Split
    progress: Progress
    out: Path
    saved: Path | None

    def __post_init__(self) -> None:
        s, (train, test) = self.settings, self.split
        self.net = two_layer(train.features, s.hidden, max(train.classes, test.classes))
        self.optimizer = sgd(s.learning_rate, momentum=s.momentum)
        self.params = self.net.init((s.seed, _INITIAL))
        self.state = self.optimizer.init(self.params)
        self.step = make_step(self.net, self.optimizer)

    def go(self, *, quiet: bool, bar: bool) -> int:
        """Train to the end, or until interrupted; returns the exit code."""
        s, train = self.settings, self.split.train
        per_epoch = -(-len(train) // s.batch)
        started = time.perf_counter()
        interrupted = False
        size = s.batch * s.hidden * train.features
        total, done = s.epochs * per_epoch, self.progress.epoch * per_epoch
        with threads(size), train_report.display(total, done, quiet=quiet, bar=bar) as shown:
            shown.write(self.title())
            shown.write(train_report.HEADER)
            try:
                while self.progress.epoch < s.epochs:
                    self.epoch(shown)
            except KeyboardInterrupt:
                interrupted = True
        seconds = time.perf_counter() - started
        if self.progress.history:
            train_report.draw(self.out / CURVE, self.title(), self.progress.history)
        print(self.summary(seconds, interrupted))
        return INTERRUPTED if interrupted else 0

    def epoch(self, shown: train_report.Display) -> None:
        """Go through the training data once, test, and save."""
        s, number = self.settings, self.progress.epoch
        started = time.perf_counter()
        params, state = self.params, self.state
        total = errors = 0.0
        seen = 0
        for x, y in self.split.train.batches(s.batch, seed=s.seed, epoch=number):
            loss, error, params, state = self.step(params, state, x, y)
            total += float(loss) * len(x)
            errors += float(error) * len(x)
            seen += len(x)
            if not math.isfinite(total):
                raise RangeError(
                    f"the loss became {float(loss)} in epoch {number + 1}: the steps are too "
                    f"long; give a --learning-rate below {s.learning_rate:g}"
                )
            shown.step(number + 1, total / seen, errors / seen)
        result = (total / seen, errors / seen, self.test_error(params))
        done = Progress(self.progress.data, number + 1, [*self.progress.history, result])
        train_file.save(self.out / WEIGHTS, s, done, params, state)
        self.params, self.state, self.progress = params, state, done
        self.saved = self.out / WEIGHTS
        shown.write(train_report.row(number + 1, *result, time.perf_counter() - started))

    def test_error(self, params: Any) -> float:
        """The fraction of the test images that are taken for another digit."""
        test: Dataset = self.split.test
        return float(error_rate(self.net.apply(params, test.x), test.y))

    def title(self) -> str:
        """One line that says what is trained on what."""
        s, (train, test) = self.settings, self.split
        sizes = f"{train.features}-{s.hidden}-{self.params['b2'].shape[0]}"
        return f"{sizes} network on {train.name}: {len(train):,} images, {len(test):,} for testing"

    def summary(self, seconds: float, interrupted: bool) -> str:
        """What came out, and where it is."""
        epochs = self.progress.epoch
        if self.saved is None:
            return f"Interrupted after {seconds:.1f} s, within the first epoch: nothing was saved."
        error = self.progress.history[-1][2]
        wrong, count = round(error * len(self.split.test)), len(self.split.test)
        state = (
            f"Interrupted in epoch {epochs + 1}, after {seconds:.1f} s. Test error"
            if interrupted
            else "Test error"
        )
        lines = [
            f"{state} {train_report.percent(error)} ({wrong} of {count}) after {epochs} "
            f"epoch{'s' * (epochs != 1)}" + ("." if interrupted else f"; it took {seconds:.1f} s."),
            f"Weights: {self.saved}   Loss curve: {self.out / CURVE}",
        ]
        if interrupted:
            lines.append(f"Go on with: adjoint train --resume {self.saved}")
        return "\n".join(lines)
