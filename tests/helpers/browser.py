"""Chromium without a window, driven through a pair of pipes, in which JSON goes to and fro."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


class Browser:
    """Chromium without a window; `with` ends it."""

    def __init__(self, folder: Path) -> None:
        read, theirs_to_write = os.pipe()
        theirs_to_read, write = os.pipe()
        command = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--hide-scrollbars", f"--user-data-dir={folder}",
            "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip
        pipes = f'exec "$0" "$@" 3<&{theirs_to_read} 4>&{theirs_to_write}'
        self.process = subprocess.Popen(
            ["bash", "-c", pipes, *command], pass_fds=(theirs_to_read, theirs_to_write),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_to_read)
        os.close(theirs_to_write)
        self.read, self.write = os.fdopen(read, "rb"), os.fdopen(write, "wb")
        self.number, self.rest, self.events = 0, b"", []
        self.session = None
        page = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.read.close()
        self.write.close()

    def __call__(self, method: str, **parameters):
        """A command, and its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.write.write(json.dumps(message).encode() + b"\0")
        self.write.flush()
        while (answer := self.next_message()).get("id") != self.number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def next_message(self) -> dict:
        while b"\0" not in self.rest:
            more = os.read(self.read.fileno(), 1 << 16)
            if not more:
                raise EOFError("the browser has ended")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def show(self, file: Path, width: int, scheme: str) -> None:
        """Opens a page in a window so wide, light or dark."""
        self.events.clear()
        self.resize(width, scheme)
        self("Page.navigate", url=file.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.next_message())

    def resize(self, width: int, scheme: str) -> None:
        """Makes the window so wide, light or dark."""
        self(
            "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1,
            mobile=width < 600,
        )  # fmt: skip
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self("Emulation.setEmulatedMedia", features=[feature])

    def complaints(self) -> list[str]:
        """What the browser has said against the page, so far."""
        return [told for event in self.events if (told := complaint(event))]

    def evaluate(self, expression: str):
        """The value of JavaScript; of a promise, what it gives in the end."""
        found = self(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        return found["result"]["value"]

    def picture(self, file: Path) -> None:
        """The whole page, as a PNG file."""
        shot = self("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, file: Path) -> None:
        """The page as it is printed, on the paper that its style sheet names."""
        printed = self("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        file.write_bytes(base64.b64decode(printed["data"]))


def complaint(event: dict) -> str:
    """What an event says that should not be: an error, or something fetched."""
    method, told = event.get("method"), event.get("params", {})
    if method == "Log.entryAdded":
        return told["entry"]["text"]
    if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
        return json.dumps(told)
    if method == "Network.requestWillBeSent":
        url = told["request"]["url"]
        return "" if url.startswith(("file:", "data:")) else f"fetches {url}"
    return ""
