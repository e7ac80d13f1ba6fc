"""A report in a real browser: how it is laid out, and pictures of it.

    python tests/helpers/lab_browser.py results/lab/report.html some/folder

writes pictures of the page, narrow and wide, light and dark, and prints it; exits with 1 if
something is wrong with it.
"""

import sys
from pathlib import Path

from browser import Browser

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


def faults(browser: Browser, report: Path, width: int, scheme: str) -> list[str]:
    """What is wrong with a report in a window so wide, light or dark."""
    browser.show(report, width, scheme)
    return browser.evaluate(LOOK.replace("WIDTH", str(width))) + browser.complaints()


def main(report: Path, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    wrong = 0
    with Browser(folder / "browser") as browser:
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                for text in faults(browser, report, width, scheme):
                    wrong += 1
                    print(f"{width}, {scheme}: {text}")
                browser.picture(folder / f"{width}-{scheme}.png")
        browser.pdf(folder / "printed.pdf")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
