"""A real Chromium for tests, driven over its DevTools protocol: pages, keys, what was requested, pictures."""

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.request import urlopen

from websocket import create_connection

from components.waiting import wait_until

QUIET = (  # without a window, and without a request of the browser's own
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
OPTIONS = (
    *QUIET,
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # a request elsewhere is seen, and leads nowhere
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT_S = 30
ANSWER_S = 300  # of a page that waits for its server


def find_chromium() -> str | None:
    """Return the browser's path, or None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One window with a profile of its own. Leaving the context ends it."""

    def __init__(self, width: int = 1300, height: int = 900):
        self.size = (width, height)
        self.requests: list[str] = []  # every URL that a page asked for
        self.problems: list[str] = []  # what a page wrote to the console as an error
        self.numbers = itertools.count(1)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        command = [find_chromium(), *OPTIONS, f"--user-data-dir={self.folder.name}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port_file = Path(self.folder.name, "DevToolsActivePort")
        wait_until(lambda: port_file.exists() and port_file.read_text().count("\n"), bool, WAIT_S, pause_s=0.05)
        with urlopen(f"http://127.0.0.1:{port_file.read_text().split()[0]}/json/list") as answer:
            page = next(target for target in json.load(answer) if target["type"] == "page")
        self.socket = create_connection(page["webSocketDebuggerUrl"], timeout=ANSWER_S, suppress_origin=True)
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.command(f"{domain}.enable")
        self.resize(*self.size)
        return self

    def __exit__(self, *exception):
        self.socket.close()
        self.process.terminate()
        self.process.wait(WAIT_S)
        self.folder.cleanup()

    def command(self, method: str, **parameters) -> dict:
        """Send a command and return its result, noting events on the way.

        Raises:
            RuntimeError: the browser refuses it.
        """
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self._note(message)

    def _note(self, event: dict) -> None:
        if event["method"] == "Network.requestWillBeSent":
            self.requests.append(event["params"]["request"]["url"])
        elif event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.problems.append(event["params"]["entry"]["text"])

    def resize(self, width: int, height: int) -> None:
        """Give the window another size in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)

    def open(self, url: str) -> None:
        """Open a page, and wait until it is loaded."""
        self.evaluate("window.isLeft = true")
        self.command("Page.navigate", url=url)
        self.wait_for("!window.isLeft")

    def evaluate(self, expression: str):
        """Return the value of an expression, or of its promise.

        Raises:
            RuntimeError: it throws.
        """
        result = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression[:100]}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, expression: str, seconds: float = WAIT_S) -> None:
        """Wait until an expression is true of a page whose scripts have run, also across pages.

        Raises:
            TimeoutError: it is not so in time; with what the page shows.
        """
        is_loaded_and_true = f"document.readyState === 'complete' && ({expression})"
        if not wait_until(lambda: self._is_true(is_loaded_and_true), bool, seconds, pause_s=0.02):
            raise TimeoutError(f"{expression} is not true on a page that shows: {self.text()[:500]}")

    def _is_true(self, expression: str) -> bool:
        result = self.command("Runtime.evaluate", expression=f"!!({expression})", returnByValue=True)
        return result["result"].get("value") is True  # a page that goes away has no value

    def text(self) -> str:
        """Return what the page shows as text."""
        return self.evaluate("document.body ? document.body.innerText : ''")

    def type(self, text: str) -> None:
        """Put text into the field that has the focus."""
        self.command("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press and release a key: a letter, Enter or Tab."""
        codes = {"Enter": (13, "\r"), "Tab": (9, "")}
        code, text = codes.get(key, (ord(key[0].upper()), key))
        event = {"key": key, "windowsVirtualKeyCode": code}
        self.command("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        self.command("Input.dispatchKeyEvent", type="keyUp", **event)

    def download(self, link: str, name: str) -> Path:
        """Click the link to a file, and return the file when it is whole.

        Raises:
            TimeoutError: it does not come.
        """
        folder = Path(self.folder.name, "downloads")
        self.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        self.evaluate(f"document.querySelector({json.dumps(link)}).click()")
        if not wait_until((folder / name).exists, bool, WAIT_S, pause_s=0.02):
            raise TimeoutError(f"{name} was not downloaded by {link}")
        return folder / name

    def take_picture(self, path: Path) -> None:
        """Save what the window shows as PNG."""
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"]))
