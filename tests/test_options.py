"""options: validated, in force where they should be and nowhere else, and unwound."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from adjoint.api.options import get_options, options, set_options
from adjoint.errors import ArgumentError, RangeError, UnknownNameError
from adjoint.graph import options as state
from adjoint.graph.options import Options, current

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def isolated() -> Iterator[None]:
    """Every test leaves the settings as they were, whatever it called."""
    before = list(state._records)
    yield
    with state._lock:
        state._records[:] = before
        state._changed()
    assert current() == Options()


def elsewhere(function=current):
    """What `function` returns in another thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_the_defaults():
    assert current() == Options(threads=None, native="auto", debug_nans=False)
    with pytest.raises(AttributeError):
        current().native = "never"  # type: ignore[misc]


# blocks


def test_a_block_sets_and_unwinds():
    with options(native="never", debug_nans=True):
        assert current() == Options(native="never", debug_nans=True)
        with options(native="always"):
            assert current() == Options(native="always", debug_nans=True)
        assert current() == Options(native="never", debug_nans=True)
    assert current() == Options()


def test_a_block_unwinds_by_exceptions():
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), options(debug_nans=True), options(threads=2):
            assert current() == Options(debug_nans=True, threads=2)
            raise error
        assert current() == Options()


def test_none_and_false_are_settings_too():
    with options(threads=3, debug_nans=True):
        with options(threads=None, debug_nans=False):
            assert current() == Options()
        assert current().threads == 3


def test_a_block_without_settings():
    with options(threads=3), options():
        assert current().threads == 3


def test_a_block_is_for_its_thread():
    with options(native="never"):
        assert elsewhere() == Options()
        assert contextvars.copy_context().run(current).native == "never"
    assert current() == Options()


def test_threads_do_not_disturb_each_other():
    wrong = []

    def work(mode):
        for _ in range(300):
            with options(native=mode):
                with options(debug_nans=mode == "never"):
                    if current() != Options(native=mode, debug_nans=mode == "never"):
                        wrong.append(mode)
                if current().native != mode:
                    wrong.append(mode)

    threads = [threading.Thread(target=work, args=(mode,)) for mode in ("never", "always") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert current() == Options()


def test_asynchronous_tasks_have_their_own():
    async def work(n):
        with options(threads=n):
            await asyncio.sleep(0.001 * (n % 3))
            assert current().threads == n
            await asyncio.sleep(0)
            assert current().threads == n

    async def everybody():
        await asyncio.gather(*(work(n) for n in range(1, 20)))

    asyncio.run(everybody())


def test_an_object_may_be_entered_again():
    setting = options(native="never")
    with setting, options(native="always"), setting:
        assert current().native == "never"
    assert current() == Options()
    with setting:
        assert current().native == "never"
    assert current() == Options()


# for the rest of the program


def test_set_options_is_for_the_program():
    set_options(native="never")
    assert current().native == "never"
    assert elsewhere().native == "never"
    set_options(native="always", threads=2)
    assert elsewhere() == Options(native="always", threads=2)
    set_options(threads=None)
    assert current() == Options(native="always")


def test_set_options_in_another_thread_is_for_the_program():
    elsewhere(lambda: set_options(native="never"))
    assert current().native == "never"


def test_set_options_inside_a_block_holds_there_and_afterwards():
    with options(native="never"):
        set_options(native="always", threads=4)
        assert current() == Options(native="always", threads=4)
        with options(debug_nans=True):
            assert current().native == "always"
    assert current() == Options(native="always", threads=4)


def test_a_block_after_set_options():
    set_options(native="never")
    with options(native="always"):
        assert current().native == "always"
        assert elsewhere().native == "never"
    assert current().native == "never"


def test_set_options_returns_what_was_set_before():
    assert set_options() == {}
    assert set_options(native="never", threads=2) == {"native": "auto", "threads": None}
    before = set_options(threads=3, debug_nans=True)
    assert before == {"threads": 2, "debug_nans": False}
    assert set_options(**before) == {"threads": 3, "debug_nans": True}
    assert current() == Options(native="never", threads=2)
    with options(native="always"):
        assert set_options(native="auto") == {"native": "always"}


def test_get_options_tells_what_holds_here():
    assert get_options() == {
        "threads": None,
        "native": "auto",
        "debug_nans": False,
        "cached_memory_limit": None,
        "lost_derivatives": "error",
        "roll_loops": True,
        "replay": True,
        "blas": "auto",
    }
    set_options(threads=2)
    with options(native="never"):
        assert (get_options()["threads"], get_options()["native"]) == (2, "never")
    get_options()["threads"] = 5
    assert current().threads == 2


def test_of_many_settings_for_the_program_the_last_is_kept():
    before = len(state._records)
    for n in range(1, 1000):
        set_options(threads=n)
    assert len(state._records) <= before + 1
    assert current().threads == 999


def test_options_without_a_with_set_nothing_and_say_so():
    with pytest.warns(RuntimeWarning, match=r"native='never'\) set nothing.*set_options") as caught:
        options(native="never")
        gc.collect()
    assert caught[0].filename == __file__
    assert current() == Options()


def test_options_with_wrong_arguments_only_raise():
    """Nothing is printed when what was not made is deleted: pytest makes that an error."""
    with pytest.raises(TypeError):
        options("never")  # type: ignore[misc]
    with pytest.raises(RangeError):
        options(native="nevr")  # type: ignore[arg-type]
    gc.collect()


# what the process shares


def test_the_process_follows_the_last_in_force():
    told = []
    state.watch("threads", told.append)
    try:
        with options(threads=2):
            with options(threads=3), options(native="never"):
                pass
            set_options(threads=5)
        assert told == [[], [2], [2, 3], [2], [2, 5], [5]]
    finally:
        state._watchers["threads"].remove(told.append)


def test_the_process_follows_blocks_that_overlap():
    told = []
    state.watch("threads", told.append)
    try:
        first, second = options(threads=2), options(threads=3)
        assert told == [[]]
        first.__enter__()
        contextvars.Context().run(second.__enter__)
        first.__exit__()
        assert told[-1] == [3]
        contextvars.Context().run(second.__exit__)
        assert told[-1] == []
    finally:
        state._watchers["threads"].remove(told.append)


@pytest.mark.native
def test_threads_reach_the_pool():
    from adjoint.backends.llvm.system import thread_pool

    with options(threads=3):
        assert thread_pool.threads() == 3
        with options(threads=1):
            assert thread_pool.threads() == 1
        with options(threads=None):
            assert thread_pool.threads() == thread_pool.default_threads()
        assert thread_pool.threads() == 3
    assert thread_pool.threads() == thread_pool.default_threads()


@pytest.mark.native
def test_threads_reach_a_pool_that_comes_later():
    code = """
import sys
from adjoint.api.options import set_options
set_options(threads=3)
assert not any(m.startswith("llvmlite") for m in sys.modules)
from adjoint.backends.llvm.system import thread_pool
assert thread_pool.threads() == 3
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=300)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_fork_while_another_thread_sets():
    code = """
import os, signal, threading, warnings
from adjoint.api.options import options
warnings.simplefilter("ignore", DeprecationWarning)
stop = False
def work():
    while not stop:
        with options(threads=2):
            pass
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for _ in range(50):
    child = os.fork()
    if not child:
        signal.alarm(120)
        with options(native="never"):
            pass
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop = True
for thread in threads: thread.join()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


# wrong ones


@pytest.mark.parametrize(
    "given, error, builtin, fragments",
    [
        ({"thread": 2}, UnknownNameError, LookupError, ("'thread'", "did you mean 'threads'")),
        ({"Native": "auto"}, UnknownNameError, LookupError, ("'Native'", "'native'")),
        ({"debug_nan": True}, UnknownNameError, LookupError, ("did you mean 'debug_nans'",)),
        ({"reserve": 1}, UnknownNameError, LookupError, ("now called 'cached_memory_limit'",)),
        ({"xyz": 1}, UnknownNameError, LookupError, ("'xyz'; there are: threads, native, debug",)),
        ({"threads": 0}, RangeError, ValueError, ("threads", "1 to 1024", "got 0", "None")),
        ({"threads": -3}, RangeError, ValueError, ("got -3",)),
        ({"threads": 5000}, RangeError, ValueError, ("1024", "5000")),
        ({"threads": 2.0}, ArgumentError, TypeError, ("threads", "whole number", "2.0")),
        ({"threads": "2"}, ArgumentError, TypeError, ("'2'",)),
        ({"threads": True}, ArgumentError, TypeError, ("True",)),
        ({"native": "allways"}, RangeError, ValueError, ("'auto', 'always', 'never'", "mean 'al")),
        ({"native": "x"}, RangeError, ValueError, ("got 'x'",)),
        ({"native": None}, ArgumentError, TypeError, ("None",)),
        ({"native": True}, ArgumentError, TypeError, ("True",)),
        ({"debug_nans": 1}, ArgumentError, TypeError, ("True or False", "1")),
        ({"debug_nans": "yes"}, ArgumentError, TypeError, ("'yes'",)),
    ],
)
@pytest.mark.parametrize("setter", [options, set_options], ids=lambda f: f.__name__)
def test_a_wrong_setting_changes_nothing(setter, given, error, builtin, fragments):
    with pytest.raises(error) as caught:
        setter(**{"native": "never"} | given)
    assert isinstance(caught.value, builtin)
    assert all(fragment in str(caught.value) for fragment in fragments), str(caught.value)
    assert str(caught.value).startswith(f"{setter.__name__}: ")
    assert current() == Options()


def test_numpy_numbers_are_numbers():
    with options(threads=np.int64(2), debug_nans=np.True_):
        assert current() == Options(threads=2, debug_nans=True)
        assert type(current().threads) is int
        assert current().debug_nans is True


def test_it_prints_as_it_is_called():
    with options(native="never", threads=2) as o:
        assert repr(o) == "adjoint.options(threads=2, native='never')"
