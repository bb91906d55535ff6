"""Take the pictures of interactive pages that the documentation shows. Needs Chromium and Pillow.

python tools/page_pictures.py
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "gallery")]

from pages import write  # noqa: E402, the paths come first

from tests.page.chromium import Chromium, find  # noqa: E402

PICTURES = {
    "page_reverse": ("lecture.html#reverse-8", "light", 1200, 740),
    "page_extend": ("lecture.html#extend-16", "dark", 1200, 980),
    "page_optimizers": ("optimizers.html", "light", 1200, 720),
}
"""By name: the page and step, the colours, and the size of the window."""


def main() -> None:
    """Write each picture, in few colours, which makes it small."""
    program = find()
    if program is None:
        sys.exit("there is no Chromium: install one, or name it in ADJOINT_CHROMIUM")
    browser = Chromium(program)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        for name, (page, scheme, width, height) in PICTURES.items():
            browser.size(width, height)
            browser.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
            browser.open(f"{Path(folder).as_uri()}/{page}")
            browser.js("new Promise(done => setTimeout(done, 300))")
            path = ROOT / "docs" / "images" / f"{name}.png"
            picture = Image.open(io.BytesIO(browser.picture()))
            picture.convert("RGB").quantize(128).save(path, optimize=True)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")
    browser.close()


if __name__ == "__main__":
    main()
