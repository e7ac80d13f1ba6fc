"""A report in a real browser: how it is laid out, and pictures of it.

    python tests/helpers/lab_browser.py results/lab/report.html some/folder

writes pictures of the page, narrow and wide, light and dark, and exits with 1 if something is wrong
with it. It drives Chromium through a pair of pipes, in which JSON goes to and fro.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SMALLEST = 10  # pixels: letters below are not legible on a phone

LOOK = """
(() => {
  const found = [], seen = new Set(), details = [...document.querySelectorAll('details')];
  details.forEach(one => one.open = true);
  const say = (what, node) => found.push(`${what}: ${(node.textContent || node.id).slice(0, 60)}`);
  if (document.scrollingElement.scrollWidth > WIDTH) {
    found.push(`wider than the window: ${document.scrollingElement.scrollWidth}`);
    for (const one of document.body.querySelectorAll('*'))
      if (one.getBoundingClientRect().right > WIDTH && !one.closest('.wide'))
        say('too wide', one);
  }
  for (const one of document.querySelectorAll('[id]')) {
    if (seen.has(one.id)) found.push(`id twice: ${one.id}`);
    seen.add(one.id);
  }
  for (const one of document.querySelectorAll('a[href], use')) {
    const to = one.getAttribute('href').slice(1);
    if (!seen.has(to)) found.push(`leads nowhere: ${to}`);
  }
  for (const one of document.querySelectorAll('[clip-path]')) {
    const to = one.getAttribute('clip-path').slice(5, -1);
    if (!one.closest('svg').querySelector('#' + to)) found.push(`clipped by another: ${to}`);
  }
  for (const one of document.querySelectorAll('td, th, p, li, dd, dt, figcaption, summary, code'))
    if (parseFloat(getComputedStyle(one).fontSize) < SMALLEST) say('too small', one);
  for (const svg of document.querySelectorAll('figure > svg')) {
    const place = svg.getBoundingClientRect(), shrunk = place.width / svg.viewBox.baseVal.width;
    const texts = [...svg.querySelectorAll('text')].map(one => [one, one.getBoundingClientRect()]);
    for (const [one, box] of texts) {
      if (parseFloat(getComputedStyle(one).fontSize) * shrunk < SMALLEST) say('too small', one);
      if (box.left < place.left - 1 || box.right > place.right + 1 ||
          box.top < place.top - 1 || box.bottom > place.bottom + 1) say('cut', one);
      for (const [other, its] of texts)
        if (one !== other && box.left < its.right - 1 && its.left < box.right - 1 &&
            box.top < its.bottom - 4 && its.top < box.bottom - 4)
          say('over ' + other.textContent, one);
    }
  }
  details.forEach(one => one.open = false);
  return found;
})()
""".replace("SMALLEST", str(SMALLEST))  # fmt: skip


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

    def show(self, file: Path, width: int, scheme: str) -> list[str]:
        """Opens a page in a window so wide, light or dark; gives what is wrong with it."""
        self.events.clear()
        mobile = width < 600
        self(
            "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1,
            mobile=mobile,
        )  # fmt: skip
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self("Emulation.setEmulatedMedia", features=[feature])
        self("Page.navigate", url=file.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.next_message())
        found = self(
            "Runtime.evaluate", expression=LOOK.replace("WIDTH", str(width)), returnByValue=True
        )["result"]["value"]
        return found + [told for event in self.events if (told := complaint(event))]

    def evaluate(self, expression: str):
        """The value of JavaScript."""
        return self("Runtime.evaluate", expression=expression, returnByValue=True)["result"][
            "value"
        ]

    def picture(self, file: Path) -> None:
        """The whole page, as a PNG file."""
        shot = self("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))


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


def main(report: Path, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    wrong = 0
    with Browser(folder / "browser") as browser:
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                for text in browser.show(report, width, scheme):
                    wrong += 1
                    print(f"{width}, {scheme}: {text}")
                browser.picture(folder / f"{width}-{scheme}.png")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
