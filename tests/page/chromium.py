"""A headless Chromium driven over a pipe with the DevTools protocol: standard library alone."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 90.0
"""Seconds after which the browser counts as dead: machines that test are busy."""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
KEYS = {
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "Home": ("Home", 36, ""),
    "End": ("End", 35, ""),
    "Tab": ("Tab", 9, ""),
    "Enter": ("Enter", 13, "\r"),
    " ": ("Space", 32, " "),
}


def find() -> str | None:
    """The path of a Chromium, or none; the variable ADJOINT_CHROMIUM names one."""
    named = os.environ.get("ADJOINT_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """A browser with one tab. What the page writes to its console is kept in `complaints`."""

    def __init__(self, program: str) -> None:
        self.profile = tempfile.mkdtemp(prefix="adjoint-chromium-")
        to_read, to_write = os.pipe(), os.pipe()
        ends = (to_read[0], to_write[1])

        def take_ends() -> None:  # the browser reads from 3 and writes to 4
            first, second = (os.dup(end) for end in ends)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=take_ends,
            pass_fds=(3, 4),
            start_new_session=True,
        )
        for end in ends:
            os.close(end)
        self.output, self.input = to_read[1], to_write[0]
        self.buffer = b""
        self.number = 0
        self.complaints: list[str] = []
        self.requests: list[str] = []
        targets = self.send("Target.getTargets", session=None)["targetInfos"]
        page = next(t for t in targets if t["type"] == "page")
        attached = self.send(
            "Target.attachToTarget", session=None, targetId=page["targetId"], flatten=True
        )
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    # The protocol: messages end with a zero byte.

    def send(self, method: str, session: Any = "", **params: Any) -> Any:
        """The answer to a command; events that arrive before it are kept."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = self.session
        os.write(self.output, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _receive(self, seconds: float = PATIENCE) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            if not select.select([self.input], [], [], seconds)[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self.input, 1 << 16)
            if not part:
                raise RuntimeError("the browser has ended")
            self.buffer += part
        text, _, self.buffer = self.buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", details).get("description", ""))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.complaints.append(str([a.get("value") for a in params["args"]]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    # What tests do.

    def open(self, url: str) -> None:
        """Load a page and wait for it; an address that is open already is not loaded anew."""
        self.complaints.clear()
        self.requests.clear()
        self.send("Page.navigate", url=url)
        until = time.monotonic() + PATIENCE
        while self.js("document.readyState + ' ' + location.href") != f"complete {url}":
            if time.monotonic() > until:
                raise TimeoutError(f"the browser does not open {url}")
            time.sleep(0.01)

    def js(self, code: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        found = self.send(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description"))
        return found["result"].get("value")

    def in_frame(self, code: str) -> Any:
        """The value of an expression in the first frame of another origin."""
        targets = self.send("Target.getTargets", session=None)["targetInfos"]
        frame = next(t for t in targets if t["type"] == "iframe")
        attached = self.send(
            "Target.attachToTarget", session=None, targetId=frame["targetId"], flatten=True
        )
        outer, self.session = self.session, attached["sessionId"]
        try:
            return self.js(code)
        finally:
            self.session = outer

    def press(self, key: str) -> None:
        """Press and release a key, as a keyboard does."""
        code, number, text = KEYS.get(key) or (f"Digit{key}", ord(key), key)
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        self.send(
            "Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {})
        )
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def size(self, width: int, height: int = 900) -> None:
        """The size of the window, in pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def media(self, kind: str = "", **features: str) -> None:
        """What the page is shown on: dark or light, with reduced motion, on paper …"""
        known = [{"name": n.replace("_", "-"), "value": v} for n, v in features.items()]
        self.send("Emulation.setEmulatedMedia", media=kind, features=known)

    def picture(self) -> bytes:
        """What the window shows, as PNG."""
        found = self.send("Page.captureScreenshot", format="png")
        return base64.b64decode(found["data"])

    def close(self) -> None:
        """End the browser and forget its profile."""
        for end in (self.output, self.input):
            os.close(end)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)
