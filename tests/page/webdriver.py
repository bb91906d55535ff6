"""Firefox and WebKit driven as the tests drive Chromium: standard library alone.

Firefox listens to Marionette, the protocol below its driver, and WebKit's driver to WebDriver over
HTTP. Both know the same commands. What neither can do (the tree of accessibility, the time that a
page has computed) is asked of Chromium only: `Unknown`.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

PATIENCE = 60.0
KEYS = {
    "ArrowRight": "\ue014",
    "ArrowLeft": "\ue012",
    "Home": "\ue011",
    "End": "\ue010",
    "Tab": "\ue004",
    "Enter": "\ue007",
}
EVALUATE = """
const done = arguments[arguments.length - 1];
(async () => {{ {} }})().then((value) => done({{ value }}), (e) => done({{ failed: `${{e}}` }}));
"""


class Unknown(Exception):
    """The browser has no command for this."""


def free_port() -> int:
    """A port that nobody listens to."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Driven:
    """A browser with one tab, by the commands of WebDriver."""

    process: subprocess.Popen[bytes]

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.folder = tempfile.mkdtemp(prefix="adjoint-browser-")

    def command(self, name: str, path: str, **params: Any) -> Any:
        """The answer to a command, by its name or by its path, as the protocol has it."""
        raise NotImplementedError

    def start(self, words: list[str], **variables: str) -> None:
        """Start the program with a home of its own."""
        self.process = subprocess.Popen(
            words,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "HOME": self.folder, **variables},
        )

    def open(self, url: str) -> None:
        """Load a page and wait for it."""
        self.command("Navigate", "url", url="about:blank")  # else only the step would change
        self.command("Navigate", "url", url=url)
        self._loaded(url)

    def _loaded(self, what: str) -> None:
        """Wait for a document."""
        until = time.monotonic() + PATIENCE
        while self.js("document.readyState") != "complete":
            if time.monotonic() > until:
                raise TimeoutError(f"the browser does not open {what}")

    def js(self, code: str) -> Any:
        """The value of an expression in the page, or of the last of several statements."""
        head, _, last = code.rpartition("; ")
        attempts = [f"return ({code}\n);", f"{head}; return ({last}\n);", code]
        for attempt in attempts if "; " in code else attempts[:1]:
            script = EVALUATE.format(attempt)
            try:
                found = self.command("ExecuteAsyncScript", "execute/async", script=script, args=[])
            except SyntaxError:  # whatever fails when it runs is an answer
                continue
            if "failed" in found:
                raise RuntimeError(found["failed"])
            return found.get("value")
        raise RuntimeError(f"cannot be read as JavaScript: {code}")

    def press(self, key: str) -> None:
        """Press and release a key, as a keyboard does."""
        value = KEYS.get(key, key)
        pressed = [{"type": kind, "value": value} for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": pressed}]
        self.command("PerformActions", "actions", actions=actions)

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self.js(f"document.execCommand('insertText', false, {json.dumps(text)})")

    def send(self, method: str, **params: Any) -> Any:
        """What the tests say in Chromium's words."""
        if method != "Input.dispatchMouseEvent":
            raise Unknown(method)
        moved = {"type": "pointerMove", "x": round(params["x"]), "y": round(params["y"])}
        pointer = {"type": "pointer", "id": "mouse", "actions": [{**moved, "duration": 0}]}
        self.command("PerformActions", "actions", actions=[pointer])

    def picture(self) -> bytes:
        """What the window shows, as PNG."""
        found = self.command("TakeScreenshot", "screenshot")
        return base64.b64decode(found)

    def in_frame(self, code: str) -> Any:
        """The value of an expression in the first frame."""
        self.command("SwitchToFrame", "frame", id=0)
        try:
            self._loaded("the frame")
            return self.js(code)
        finally:
            self.command("SwitchToFrame", "frame", id=None)

    def close(self) -> None:
        """End the browser and forget its profile."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Firefox(Driven):
    """Firefox by Marionette: messages of JSON, each after its length."""

    def __init__(self, program: str) -> None:
        super().__init__()
        port = free_port()
        settings = {
            "marionette.port": port,
            "browser.shell.checkDefaultBrowser": False,
            "datareporting.policy.dataSubmissionEnabled": False,
            "browser.aboutwelcome.enabled": False,
            "app.update.enabled": False,
            "network.captive-portal-service.enabled": False,
        }
        lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in settings.items()]
        Path(self.folder, "user.js").write_text("\n".join(lines))
        flags = ("--headless", "--marionette", "--remote-allow-system-access", "--no-remote")
        words = [program, *flags, "--profile", self.folder]
        self.start(words, MOZ_HEADLESS_WIDTH="1600", MOZ_HEADLESS_HEIGHT="1200")
        self.socket = connected(port)
        self.buffer = b""
        self.number = 0
        self._receive()  # its greeting
        self.command("NewSession", "")
        self.command("SetTimeouts", "", script=PATIENCE * 1000)

    def command(self, name: str, path: str, **params: Any) -> Any:
        self.number += 1
        whole = name if ":" in name else f"WebDriver:{name}"
        text = json.dumps([0, self.number, whole, params]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self._receive()
        if error:
            if name == "ExecuteAsyncScript" and error["error"] == "javascript error":
                raise SyntaxError(error["message"])
            raise RuntimeError(f"{name}: {error['message']}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def _receive(self) -> Any:
        while b":" not in self.buffer:
            self.buffer += self._some()
        length, _, self.buffer = self.buffer.partition(b":")
        while len(self.buffer) < int(length):
            self.buffer += self._some()
        text, self.buffer = self.buffer[: int(length)], self.buffer[int(length) :]
        return json.loads(text)

    def _some(self) -> bytes:
        part = self.socket.recv(1 << 16)
        if not part:
            raise RuntimeError("the browser has ended")
        return part

    def chrome(self, code: str) -> Any:
        """The value of statements that run in the browser itself, with `tab` at hand."""
        self.command("Marionette:SetContext", "", value="chrome")
        try:
            window = "Services.wm.getMostRecentWindow('navigator:browser')"
            script = f"const tab = {window}.gBrowser.selectedBrowser; {code}"
            return self.command("ExecuteScript", "", script=script, args=[])
        finally:
            self.command("Marionette:SetContext", "", value="content")

    def open(self, url: str) -> None:
        self.chrome("Services.console.reset();")
        super().open(url)

    @property
    def complaints(self) -> list[str]:
        """What pages have complained about since the last one was opened."""
        found: list[str] = self.chrome(
            "return Services.console.getMessageArray().filter((m) => m instanceof Ci.nsIScriptError"
            " && /^(file|http):/.test(m.sourceName)).map((m) => `${m.errorMessage}`);"
        )
        return found

    def size(self, width: int, height: int = 900) -> None:
        """The size of what shows the page; a window of Firefox is never as narrow as a phone."""
        self.chrome(
            f"tab.style.cssText = 'flex: none; width: {width}px; height: {height}px;"
            f" min-width: {width}px; max-width: {width}px';"
        )
        until = time.monotonic() + PATIENCE
        while self.js("innerWidth") != width and time.monotonic() < until:
            time.sleep(0.02)

    def media(self, kind: str = "", **features: str) -> None:
        """What the page is shown on: dark or light, with reduced motion, on paper …"""
        scheme = features.get("prefers_color_scheme", "none")
        still = int(features.get("prefers_reduced_motion") == "reduce")
        self.chrome(
            f"tab.browsingContext.prefersColorSchemeOverride = '{scheme}';"
            f"tab.browsingContext.mediumOverride = '{kind}';"
            f"Services.prefs.setIntPref('ui.prefersReducedMotion', {still});"
        )

    def send(self, method: str, **params: Any) -> Any:
        if method == "Emulation.setScriptExecutionDisabled":
            raise Unknown(method)  # nor could a script then look at the page
        return super().send(method, **params)


class WebKit(Driven):
    """The engine of Safari, as GTK has it, by its driver; needs a screen, such as Xvfb."""

    BROWSERS = "/usr/lib/*/webkit2gtk-4.1/MiniBrowser"

    def __init__(self, program: str) -> None:
        super().__init__()
        self.port = free_port()
        self.start([program, f"--port={self.port}"])
        connected(self.port).close()
        browser = next(str(p) for p in Path("/").glob(self.BROWSERS.lstrip("/")))
        options = {"binary": browser, "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        self.session = ""
        self.session = self.command("", "", capabilities=wanted)["sessionId"]
        self.command("", "timeouts", script=int(PATIENCE * 1000))

    def command(self, name: str, path: str, **params: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        address = f"/session/{self.session}/{path}" if self.session else "/session"
        if path == "screenshot":
            connection.request("GET", address)
        else:
            connection.request("POST", address, json.dumps(params).encode())
        answer = connection.getresponse()
        value = json.loads(answer.read())["value"]
        connection.close()
        if answer.status != 200:
            if value["error"] == "javascript error":
                raise SyntaxError(value["message"])
            raise RuntimeError(f"{path}: {value}")
        return value

    @property
    def complaints(self) -> list[str]:
        """Nothing: the driver does not tell."""
        return []

    def size(self, width: int, height: int = 900) -> None:
        """The size of the page."""
        for _ in range(3):  # the window has a frame
            edge = self.js("[outerWidth - innerWidth, outerHeight - innerHeight]")
            self.command("", "window/rect", width=width + edge[0], height=height + edge[1])
            time.sleep(0.1)
        if self.js("innerWidth") != width:
            raise Unknown(f"a window {width} pixels wide")

    def media(self, kind: str = "", **features: str) -> None:
        """Only what the desktop says."""
        if kind or features:
            raise Unknown("media")


def connected(port: int) -> socket.socket:
    """A connection to a program that is starting."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
