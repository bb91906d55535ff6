"""Examples of the documentation that readers can run: what is copied, and that it works.

The last test needs a Chromium and a folder of Pyodide with NumPy, named by ADJOINT_PYODIDE.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.page.chromium import Chromium, find

errors = pytest.importorskip("sphinx.errors", reason="the extra `docs` is not installed")

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[1]
EXTENSIONS = ROOT / "docs" / "extensions"
sys.path.insert(0, str(EXTENSIONS))

from runnable import NEEDED, check, packages_in  # noqa: E402  the path comes first

PACKAGES = {
    "numpy": {"file_name": "numpy.whl", "depends": []},
    "scipy": {"file_name": "scipy.whl", "depends": ["numpy", "openblas"]},
    "openblas": {"file_name": "openblas.zip", "depends": []},
}
CONF = f"""
import sys
sys.path[:0] = [{str(EXTENSIONS)!r}, {str(ROOT)!r}]
extensions = ["myst_parser", "executed_examples", "runnable"]
"""
PAGE = """# A page

```python
>>> import adjoint as ad
>>> f = lambda x: x**3

```

```python
>>> ad.grad(f)(2.0)
Tensor(12.)

```
"""


def folder_with(path: Path, *wheels: str) -> Path:
    """A folder that looks like Pyodide's."""
    for name in (*NEEDED, *wheels):
        (path / name).write_text("")
    (path / "pyodide-lock.json").write_text(json.dumps({"packages": PACKAGES}))
    return path


def build(folder: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    """The site of one page, in `folder / "site"`."""
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(PAGE)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", *settings, folder, folder / "site"]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def test_a_package_counts_if_all_that_it_needs_is_there(tmp_path):
    assert packages_in(folder_with(tmp_path, "numpy.whl", "scipy.whl")) == ["numpy"]
    assert packages_in(folder_with(tmp_path, "openblas.zip")) == ["numpy", "scipy"]


def test_without_the_setting_there_is_nothing_and_with_it_all_that_a_page_needs(tmp_path):
    pytest.importorskip("matplotlib")
    pyodide = tmp_path / "pyodide"
    pyodide.mkdir()
    folder_with(pyodide, "numpy.whl")
    plain = build(tmp_path)
    assert not plain.returncode, plain.stderr
    page = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "runnable" not in page
    assert not (tmp_path / "site" / "_static" / "pyodide").exists()

    rich = build(tmp_path, "-E", "-D", f"pyodide={pyodide}")
    assert not rich.returncode, rich.stderr
    page = (tmp_path / "site" / "index.html").read_text("utf-8")
    static = tmp_path / "site" / "_static"
    assert 'src="_static/runnable.js' in page
    assert '"packages": ["numpy"]' in page
    assert page.count('class="example ') == 2
    assert (static / "pyodide" / "numpy.whl").exists()
    assert (static / "runnable-worker.js").exists()
    with zipfile.ZipFile(static / "library.zip") as archive:
        names = archive.namelist()
    assert "adjoint/__init__.py" in names
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.parametrize(
    ("missing", "says"), [("pyodide.mjs", "has no pyodide.mjs"), ("numpy.whl", "wheel of NumPy")]
)
def test_a_folder_that_nothing_can_be_run_with_is_an_error(tmp_path, missing, says):
    folder = folder_with(tmp_path, "numpy.whl")
    (folder / missing).unlink()
    config, builder = SimpleNamespace(pyodide=str(folder)), SimpleNamespace(format="html")
    with pytest.raises(errors.ConfigError, match=says):
        check(SimpleNamespace(config=config, builder=builder))


def runner():
    """What runs examples in the page, run here."""
    code = (EXTENSIONS / "static" / "runnable-worker.js").read_text("utf-8")
    names: dict[str, object] = {}
    exec(code.split("RUNNER = `")[1].split("`;")[0], names)
    return names["run"]


def test_an_example_that_needs_a_package_says_so(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "svg")  # which it sets
    run = runner()
    assert run("x = 2\nx * 3") == ("6", [], False)
    monkeypatch.setitem(sys.modules, "scipy", None)
    text, _, failed = run("import scipy.special")
    assert failed and text.startswith(
        "This example needs scipy, which these pages were built without"
    )
    assert "Traceback" not in text


PYODIDE = os.environ.get("ADJOINT_PYODIDE", "")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.slow
@pytest.mark.skipif(not PYODIDE, reason="ADJOINT_PYODIDE names no folder")
@pytest.mark.skipif(find() is None, reason="there is no Chromium")
def test_an_example_runs_in_a_browser_after_those_above_it_and_can_be_edited(tmp_path):
    made = build(tmp_path, "-D", f"pyodide={PYODIDE}")
    assert not made.returncode, made.stderr
    handler = functools.partial(Quiet, directory=str(tmp_path / "site"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = f"http://127.0.0.1:{server.server_port}/"
    browser = Chromium(find())
    last = "[...document.querySelectorAll('div.example')].at(-1)"
    try:
        browser.open(home + "index.html")
        browser.js(f"{last}.querySelector('.example-bar button').click()")
        assert waited_for(browser, f"{last}.querySelector('output').textContent") == "Tensor(12.)"
        code = "x = ad.grad(f)(3.0)\\nprint(x)\\nad.grad(f)(ad.ones(2))"
        browser.js(f"{last}.querySelector('textarea').value = '{code}'")
        browser.js(f"{last}.querySelector('.example-bar button').click()")
        text = waited_for(browser, f"{last}.querySelector('output').textContent")
        assert text.startswith("Tensor(27.)\n")
        assert "adjoint.errors.ShapeError: grad:" in text
        assert not [url for url in browser.requests if not url.startswith((home, "data:"))]
    finally:
        browser.close()
        server.shutdown()
        server.server_close()


def waited_for(browser: Chromium, expression: str) -> str:
    """The text of an output when it is there."""
    for _ in range(600):
        text: str = browser.js(expression)
        if text and not text.endswith("…"):
            return text
        time.sleep(0.2)
    raise TimeoutError(text)
