"""Take the README's pictures of a run's report: `python -m bench.pictures runs/latest`.

A headless Chromium (Debian's package) draws the page; pictures go to docs/pictures, small enough to commit.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from testing.chromium import QUIET, find_chromium

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


def main(arguments: list[str]) -> int:
    """Take all pictures of the report below a run's folder."""
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
        print(f"{path.relative_to(FOLDER.parent.parent)}: {path.stat().st_size / 1000:.0f} kB")
    return 0


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
        with Image.open(drawing) as image:
            image.convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
