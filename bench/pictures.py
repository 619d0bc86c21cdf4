"""Take pictures of a run's report, and of the workbench on what it left: `python -m bench.pictures runs/latest`.

A headless Chromium (Debian's package) draws the pages; pictures go to docs/pictures, small enough to commit.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from components.waiting import wait_until
from testing.chromium import QUIET, Chromium, find_chromium
from testing.servers import answers, free_ports

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
COLOURS = 96


@dataclass(frozen=True)
class Picture:
    """A part of the page at a window's size, in CSS pixels."""

    name: str
    width: int
    height: int
    style: str = ""  # hides what the picture leaves out


PICTURES = (
    Picture("report", 1400, 900),
    Picture("queries", 1400, 900, "header,section:not(#queries),.section,footer{display:none}"),
    Picture("phone", 400, 860),
)
WINDOW = (1300, 840)
START_S = 300  # of the workbench, on a busy machine
FIRST_QUERY = "document.querySelector('tbody a').getAttribute('href')"  # the one that lost most


def main(arguments: list[str]) -> int:
    """Take all pictures of the report below a run's folder, and of the workbench on the run's home."""
    if len(arguments) != 1 or not (report := Path(arguments[0], "report.html")).exists():
        print("give a run's folder that holds report.html, as in: python -m bench.pictures runs/latest")
        return 2
    browser = find_chromium()
    if not browser:
        print("no chromium is installed: apt-get install chromium")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        path = FOLDER / f"{picture.name}.png"
        take_picture(browser, report, picture, path)
        describe(path)
    with workbench(report.parent.parent) as url, Chromium(*WINDOW) as chromium:
        for name, address in list_pages(chromium, url).items():
            chromium.open(f"{url}{address}")
            path = FOLDER / f"workbench-{name}.png"
            chromium.take_picture(path)
            reduce_colours(path, path)
            describe(path)
    return 0


def describe(path: Path) -> None:
    """Print a picture's name and size."""
    print(f"{path.relative_to(FOLDER.parent.parent)}: {path.stat().st_size / 1000:.0f} kB")


def list_pages(chromium: Chromium, url: str) -> dict[str, str]:
    """Return the addresses of the workbench's pages that are drawn, by name."""
    chromium.open(f"{url}/queries")
    query = chromium.evaluate(FIRST_QUERY)
    return {"release": "/release", "queries": "/queries", "compare": query, "judge": "/judge/pairs?rater=Ada"}


@contextmanager
def workbench(home: Path) -> Iterator[str]:
    """Run `make workbench` on a home until the block ends, and yield the page's address.

    Raises:
        RuntimeError: it does not come up; it has printed why.
    """
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([sys.executable, "-m", "pipelines.local.workbench", f"--home={home}", f"--port={port}"])
    try:
        wait_until(lambda: answers(f"{url}/static/style.css") or server.poll() is not None, bool, START_S, 0.2)
        if server.poll() is not None:
            raise RuntimeError(f"the workbench of {home} did not come up")
        yield url
    finally:
        server.terminate()
        server.wait()


def take_picture(browser: str, report: Path, picture: Picture, path: Path) -> None:
    """Draw one picture and reduce its colours.

    Raises:
        subprocess.CalledProcessError: the browser failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(report.read_text().replace("</style>", f"{picture.style}</style>", 1))
        drawing = Path(folder, "drawing.png")
        size = f"--window-size={picture.width},{picture.height}"
        profile = f"--user-data-dir={folder}/profile"
        command = [browser, *QUIET, size, profile, f"--screenshot={drawing}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        reduce_colours(drawing, path)


def reduce_colours(drawing: Path, path: Path) -> None:
    """Write a drawing with few colours."""
    with Image.open(drawing) as image:
        image.convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
