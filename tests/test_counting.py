"""What counts work tells linear from quadratic, whatever else the machine does."""

from __future__ import annotations

import threading

import pytest

from tests.counting import assert_linear, calls


def linear(n):
    for _ in range(n):
        abs(1)


def quadratic(n):
    for i in range(n):
        linear(i // 10)


def test_calls_are_counted():
    assert calls(lambda: linear(1000)) == pytest.approx(1000, abs=10)


def test_the_same_work_is_the_same_number_beside_other_threads():
    stop = threading.Event()
    thread = threading.Thread(target=lambda: [linear(10) for _ in iter(stop.is_set, True)])
    thread.start()
    try:
        assert len({calls(lambda: linear(5000)) for _ in range(5)}) == 1
    finally:
        stop.set()
        thread.join()


def test_linear_work_is_told_from_quadratic():
    assert_linear(linear, 500)
    with pytest.raises(AssertionError):
        assert_linear(quadratic, 500)
    with pytest.raises(AssertionError, match="too few"):
        assert_linear(lambda n: None, 500)
