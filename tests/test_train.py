"""`adjoint train`: it learns, twice the same, goes on as if never stopped, and minds its files."""

from __future__ import annotations

import argparse
import errno
import gc
import gzip
import json
import os
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import adjoint as ad
from adjoint.cli import train, train_file
from adjoint.data.dataset import Dataset, Split
from adjoint.errors import (
    AdjointError,
    ArgumentError,
    DataError,
    MissingExtraError,
    RangeError,
    SaveError,
)
from adjoint.graph.node import Node

pytestmark = pytest.mark.unit


def arguments(*options):
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return parser.parse_args([str(option) for option in options])


def run(*options):
    return train.run(arguments(*options, "--quiet"))


@pytest.fixture
def data(tmp_path):
    """A directory of MNIST-format files: 100 images of three kinds that are easy to tell apart."""
    folder = tmp_path / "data"
    folder.mkdir()
    random = np.random.default_rng(1)
    y = np.arange(100) % 3
    x = random.integers(0, 60, (100, 4, 4))
    x[np.arange(100), y] += 190
    images = struct.pack(">4B3I", 0, 0, 8, 3, 100, 4, 4) + x.astype(np.uint8).tobytes()
    labels = struct.pack(">4BI", 0, 0, 8, 1, 100) + y.astype(np.uint8).tobytes()
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(labels)
    return folder


@pytest.fixture
def small(data):
    """The options of a run of a moment."""
    return ["--data", data, "--hidden", 8, "--epochs", 4, "--batch", 16]


def test_it_learns_and_leaves_its_weights_and_a_picture(small, tmp_path, capsys):
    out = tmp_path / "a" / "b"
    assert train.run(arguments(*small, "--out", out)) == 0
    shown = capsys.readouterr().out
    assert "16-8-3 network on data/t10k: 80 images, 20 for testing" in shown
    assert [line.split()[0] for line in shown.splitlines()[2:6]] == ["1", "2", "3", "4"]
    assert "Test error 0.00 % (0 of 20) after 4 epochs; it took" in shown
    assert sorted(path.name for path in out.iterdir()) == ["loss.png", "weights.safetensors"]
    assert (out / "loss.png").read_bytes().startswith(b"\x89PNG")
    weights = load_file(out / "weights.safetensors")
    assert weights["W1"].shape == (16, 8) and weights["W1"].dtype == np.float32


@pytest.mark.slow
def test_slide_training_the_defaults_reach_three_percent_on_the_digits(tmp_path, capsys):
    assert run("--out", tmp_path) == 0
    error = float(capsys.readouterr().out.split()[2])
    assert error <= 3.0


def test_quiet_prints_the_result_alone(small, tmp_path, capsys):
    run(*small, "--out", tmp_path)
    assert capsys.readouterr().out.startswith("Test error")


def test_the_same_seed_gives_the_same_file_and_another_seed_another(small, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        run(*small, "--seed", seed, "--out", tmp_path / name)
    a, b, c = ((tmp_path / name / "weights.safetensors").read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_resuming_gives_the_bits_of_a_run_that_was_never_stopped(small, tmp_path, momentum):
    options = [*small, "--momentum", momentum]
    run(*options, "--out", tmp_path / "whole")
    run(*options, "--epochs", 2, "--out", tmp_path / "parts")
    file = tmp_path / "parts" / "weights.safetensors"
    run("--resume", file, "--epochs", 4)
    assert file.read_bytes() == (tmp_path / "whole" / "weights.safetensors").read_bytes()


def interrupted(monkeypatch, after):
    """Let the step number `after` be interrupted, as by Ctrl-C."""
    count = iter(range(10**6))
    make_step = train.make_step

    def made(net, optimizer):
        step = make_step(net, optimizer)

        def stopping(*args):
            if next(count) == after:
                raise KeyboardInterrupt
            return step(*args)

        return stopping

    monkeypatch.setattr(train, "make_step", made)


def test_after_an_interruption_the_last_epoch_is_there_and_goes_on(
    small, tmp_path, monkeypatch, capsys
):
    run(*small, "--out", tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupted(patch, 12)  # 5 steps an epoch: in the third
        assert run(*small, "--out", tmp_path / "cut") == 130
    shown = capsys.readouterr().out
    file = tmp_path / "cut" / "weights.safetensors"
    assert "Interrupted in epoch 3" in shown and "after 2 epochs." in shown
    assert f"Go on with: adjoint train --resume {file}" in shown
    assert (tmp_path / "cut" / "loss.png").exists()
    assert run("--resume", file) == 0
    assert file.read_bytes() == (tmp_path / "whole" / "weights.safetensors").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="sends the signal of Ctrl-C as POSIX has it")
def test_ctrl_c_ends_the_program_cleanly(small, tmp_path):
    command = [sys.executable, "-m", "adjoint", "train", *map(str, small), "--epochs", "1000000"]
    with subprocess.Popen(
        [*command, "--out", tmp_path / "cut"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        rows = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGINT)
        shown, complaints = process.communicate(timeout=300)
    assert rows[-1].split()[0] == "2"
    assert (process.returncode, complaints) == (130, "")
    assert "Go on with: adjoint train --resume" in shown
    assert train_file.load(tmp_path / "cut" / "weights.safetensors").progress.epoch >= 2


def test_an_interruption_within_the_first_epoch_leaves_nothing(
    small, tmp_path, monkeypatch, capsys
):
    interrupted(monkeypatch, 2)
    assert run(*small, "--out", tmp_path / "cut") == 130
    assert "within the first epoch: nothing was saved" in capsys.readouterr().out
    assert list((tmp_path / "cut").iterdir()) == []


def test_the_data_of_a_resumed_run_may_have_moved_but_not_changed(small, data, tmp_path):
    run(*small, "--epochs", 1, "--out", tmp_path)
    file = tmp_path / "weights.safetensors"
    moved = data.rename(tmp_path / "moved")
    run("--resume", file, "--epochs", 2, "--data", moved)
    labels = moved / "t10k-labels-idx1-ubyte"
    content = bytearray(labels.read_bytes())
    content[-1] ^= 1
    labels.write_bytes(content)
    with pytest.raises(
        DataError, match=r"--resume .*was trained on other data \(80x16-.*same files"
    ):
        run("--resume", file, "--epochs", 3, "--data", moved)


BAD_OPTIONS = {
    "--learning-rate -1": (RangeError, "--learning-rate must be a positive number, got -1"),
    "--learning-rate nan": (RangeError, "--learning-rate must be a positive number, got nan"),
    "--batch 0": (RangeError, "--batch must be at least 1, got 0"),
    "--hidden 0": (RangeError, "--hidden must be at least 1, got 0"),
    "--epochs -3": (RangeError, "--epochs must be at least 1, got -3"),
    "--momentum 1": (RangeError, "--momentum must be at least 0 and below 1, got 1"),
    "--seed -1": (RangeError, r"--seed must be from 0 to 2\*\*64 - 1, got -1"),
    "--data nowhere": (DataError, "nowhere: does not exist; expected a directory with t10k-images"),
    "--resume nowhere": (DataError, "nowhere: there is no such file; expected the weights"),
    "--out /dev/null/a": (SaveError, "--out /dev/null/a: files cannot be written there"),
    "--learning-rate 1e30": (RangeError, "the loss became .* in epoch 1: .* --learning-rate below"),
}


@pytest.mark.parametrize("options", BAD_OPTIONS)
def test_a_bad_option_is_named_on_one_line(small, tmp_path, options):
    error, message = BAD_OPTIONS[options]
    with pytest.raises(error, match=message) as caught:
        run(*small, "--out", tmp_path / "out", *options.split())
    assert isinstance(caught.value, AdjointError) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [("--hidden", 9, 8), ("--batch", 5, 16), ("--momentum", 0.5, 0.9), ("--seed", 7, 0)],
)
def test_a_resumed_run_cannot_be_changed(small, tmp_path, option, value, told):
    run(*small, "--out", tmp_path)
    message = (
        rf"{option} {value}: the run in .* was started with {option} {told}, .*leave {option} out"
    )
    with pytest.raises(ArgumentError, match=message):
        run("--resume", tmp_path / "weights.safetensors", "--epochs", 9, option, value)


def test_a_finished_run_says_how_to_ask_for_more(small, tmp_path):
    run(*small, "--out", tmp_path)
    with pytest.raises(ArgumentError, match="has done 4 epochs of 4; ask for more with --epochs 8"):
        run("--resume", tmp_path / "weights.safetensors")


def spoil(file, how):
    """Damage the file of a run."""
    content = file.read_bytes()
    tensors = load_file(file)
    entry = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])["__metadata__"]
    described = json.loads(entry["adjoint.train"])
    if how == "truncated":
        file.write_bytes(content[:-10])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "another kind":
        file.write_bytes(b"PK\x03\x04" * 100)
    elif how == "a bit":
        file.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    elif how == "foreign":
        save_file(tensors, file)
    else:
        if how == "missing":
            del tensors["W2"]
        elif how == "width":
            tensors["W1"] = np.zeros((16, 9), np.float32)
        elif how == "version":
            described["version"] = 2
        elif how == "kind":
            described["settings"]["batch"] = "many"
        elif how == "history":
            described["progress"]["history"] = []
        described["checksum"] = train_file.checksum(tensors)
        save_file(tensors, file, {"adjoint.train": "{" if how == "json" else json.dumps(described)})


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            "truncated",
            "not a complete safetensors file .*; expected a file that adjoint train wrote",
        ),
        ("empty", "not a complete safetensors file"),
        ("another kind", "not a complete safetensors file"),
        ("a bit", "its checksum is not that of its contents; .*so start a new run"),
        ("foreign", "holds tensors but no training run"),
        ("missing", "tensors are missing or too many: W2"),
        ("width", r"W1 is float32\[16, 9\], but this network needs float32\[16, 8\]"),
        ("version", "has version 2 of the format, this adjoint reads version 1"),
        ("kind", r"its description is not readable \(batch is 'many'\)"),
        ("history", "its checksum is not that of its contents"),
        ("json", "its description is not readable"),
    ],
)
def test_a_damaged_file_cannot_be_resumed_and_is_named(small, tmp_path, how, message):
    run(*small, "--out", tmp_path)
    file = tmp_path / "weights.safetensors"
    spoil(file, how)
    with pytest.raises(DataError, match=message) as caught:
        run("--resume", file, "--epochs", 9)
    assert str(caught.value).startswith(f"{file}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_an_error_and_leaves_the_old_file(small, tmp_path, monkeypatch, call):
    run(*small, "--epochs", 2, "--out", tmp_path)
    file = tmp_path / "weights.safetensors"
    before = file.read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(SaveError, match=r"cannot save .*weights\.safetensors: no space left"):
            run("--resume", file, "--epochs", 4)
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "loss.png", file.name]


def test_a_missing_package_says_how_to_install_it(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(MissingExtraError, match=r'needs safetensors.*"adjoint\[train\]"'):
        run(*small, "--out", tmp_path)


# Memory: a training loop keeps no history.


def live_nodes():
    gc.collect()
    return sum(type(thing) is Node for thing in gc.get_objects())


@pytest.fixture
def training(tmp_path):
    random = np.random.default_rng(2)
    x = random.random((60, 6), np.float32)
    data = Dataset(x, np.arange(60) % 3)
    settings = train_file.Settings(hidden=5, batch=4)
    return train.Training(settings, Split(data, data), train_file.Progress("x"), tmp_path, None)


def nodes_during(training, keep):
    """Live nodes after 3 and after 15 steps of a loop that keeps what `keep` takes of each."""
    step = train.make_step(training.net, training.optimizer)
    params, state, kept, counts = training.params, training.state, [], []
    batches = training.split.train.batches(4, seed=0)
    for number, (x, y) in enumerate(batches):
        loss, _, params, state = step(params, state, x, y)
        kept.append(keep(loss))
        if number in (2, 14):
            counts.append(live_nodes())
    return counts


def test_a_training_loop_keeps_no_history(training):
    few, many = nodes_during(training, keep=float)
    assert many <= few


def test_even_losses_that_are_kept_hold_on_to_nothing_else(training):
    few, many = nodes_during(training, keep=lambda loss: loss)
    assert many <= few + 12


def test_the_measurement_sees_a_loop_that_keeps_more(training, monkeypatch):
    monkeypatch.setattr(train, "compile", lambda step: step)
    few, many = nodes_during(training, keep=lambda loss: (loss, loss * 2))
    assert many >= few + 2 * 12


def test_a_whole_epoch_leaves_as_many_nodes_as_the_one_before(training):
    shown = train.train_report.Display(lambda line: None)
    counts = []
    for _ in range(3):
        training.epoch(shown)
        counts.append(live_nodes())
    assert counts[1] == counts[2]


def test_adjoint_is_all_that_the_loop_needs():
    """The loop of the lecture, in the words of the library."""
    x = ad.asarray(np.eye(3, dtype="float32"))
    net = ad.nn.two_layer(3, 4, 3)
    params = net.init(0)

    def loss(params):
        return ad.mean(ad.nn.softmax_cross_entropy(net.apply(params, x), [0, 1, 2]))

    first = float(loss(params))
    for _ in range(50):
        slopes = ad.grad(loss)(params)
        params = ad.evaluate({n: p - 0.5 * slopes[n] for n, p in params.items()})
    assert float(loss(params)) < 0.1 * first
