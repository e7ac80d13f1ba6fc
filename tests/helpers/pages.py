"""Runs the pages of docs/tour/ and docs/guides/, and compares what they show with what they print.

    python tests/helpers/pages.py docs/tour/1-two-layers.md

runs a page and writes what it printed into it, and its pictures beside it.

A page's ```python blocks run in order, in one namespace, in an empty folder that has `docs/`,
`examples/` and `exercises/` of this repository in it. A ```text block behind one is what it prints;
in ```text measured the numbers may differ from run to run. `<!-- python` begins code that readers
need not see. A block in another language with a second word, such as ```cython stages.pyx, is
written to a file of that name.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: (?P<word>\S+))?\n(?P<body>.*?)^```$"
    r"|^<!-- python\n(?P<hidden>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)
OUTPUT = re.compile(r"\n*^```text(?: (?P<word>measured))?\n(?P<body>.*?)^```$", re.M | re.S)
PICTURE = re.compile(r"!\[(?P<alt>[^]]*)\]\((?P<path>(?!http)[^)]+)\)")
NUMBER = re.compile(r"\d+(?:\.\d+| ?%)")


@dataclass
class Block:
    """A block of code, the file that it is, and the output that stands behind it."""

    code: str
    line: int
    end: int
    file: str = ""
    output: str = ""
    output_end: int = 0
    is_measured: bool = False


class Page:
    """A page of Markdown: its text and its blocks."""

    def __init__(self, path: Path) -> None:
        self.path, self.text = path, path.read_text()
        self.blocks = [block for match in BLOCK.finditer(self.text) if (block := self._read(match))]

    def _read(self, match: re.Match) -> Block | None:
        language, file = match["language"] or "python", match["word"]
        if language != "python" and (language == "text" or not file):
            return None
        code = match["body"] if match["hidden"] is None else match["hidden"]
        block = Block(code, self.text.count("\n", 0, match.start()) + 1, match.end(), file or "")
        if after := OUTPUT.match(self.text, match.end()):
            block.output, block.output_end = after["body"], after.end()
            block.is_measured = after["word"] == "measured"
        return block

    def prose(self) -> str:
        """The page's text without its code, its outputs and what stands in `code` and links."""
        text = re.sub(r"<!--.*?-->", "", BLOCK.sub("", self.text), flags=re.DOTALL)
        return re.sub(r"`[^`]*`|\]\([^)]*\)|^\|.*\|$", "", text, flags=re.MULTILINE)

    def shown(self) -> str:
        """All that its code and its outputs show."""
        return "\n".join(block.code + block.output for block in self.blocks)

    def pictures(self) -> dict[str, str]:
        """Its pictures in the folder pictures/, and what is said to be seen on each."""
        found = {picture["path"]: picture["alt"] for picture in PICTURE.finditer(self.text)}
        return {path: alt for path, alt in found.items() if path.startswith("pictures/")}

    def run(self, folder: Path, **environment: str) -> list[str]:
        """What each block prints, run by a Python of its own in this empty folder."""
        (folder / "pictures").mkdir()
        for name in ("docs", "examples", "exercises"):
            (folder / name).symlink_to(ROOT / name)
        done = subprocess.run(
            [sys.executable, "-W", "error", __file__, "--run", self.path, "outputs.json"],
            cwd=folder, capture_output=True, text=True, env={
                **os.environ,
                "MINIDL_DATA": str(ROOT / "examples" / "data" / "mnist"),
                "MPLBACKEND": "svg",
                "MATPLOTLIBRC": str(ROOT / "docs" / "pictures.mplstyle"),
                "SOURCE_DATE_EPOCH": "0",
                **environment,
            },
        )  # fmt: skip
        assert done.returncode == 0, f"{self.path.name} does not run:\n{done.stderr}"
        return json.loads((folder / "outputs.json").read_text())

    def write(self) -> None:
        """Runs, and writes outputs and pictures anew."""
        with tempfile.TemporaryDirectory() as folder:
            outputs = self.run(Path(folder))
            for path in self.pictures():
                (self.path.parent / "pictures").mkdir(exist_ok=True)
                shutil.copy(Path(folder) / path, self.path.parent / path)
        text = self.text
        for block, output in reversed(list(zip(self.blocks, outputs, strict=True))):
            kind = "text measured" if block.is_measured else "text"
            written = f"\n\n```{kind}\n{output}```" if output else ""
            text = text[: block.end] + written + text[block.output_end or block.end :]
        self.path.write_text(text)


def tidy(printed: str) -> str:
    """An output as it stands on a page."""
    return (
        "".join(f"{line.rstrip()}\n" for line in printed.strip("\n").split("\n")) if printed else ""
    )


def without_numbers(output: str) -> str:
    """Its words: what stays the same where rates and times do not."""
    return re.sub(r"(?:[\s\d.,+%▁-█▏-]|(?<=\d)e(?=[+-]\d))+", " ", output)


def run(path: str, into: str) -> None:
    """Runs a page's blocks in this folder and this Python."""
    names, outputs = {"__name__": "page"}, []
    sys.path[0] = ""  # what the page builds can be imported
    for block in Page(Path(path)).blocks:
        printed = StringIO()
        if block.file:
            with Path(block.file).open("a") as file:
                file.write(block.code)
        else:
            with redirect_stdout(printed):
                exec(compile("\n" * block.line + block.code, path, "exec"), names)
        outputs.append(tidy(printed.getvalue()))
    Path(into).write_text(json.dumps(outputs))


if __name__ == "__main__":
    if sys.argv[1] == "--run":
        run(*sys.argv[2:])
    else:
        for name in sys.argv[1:]:
            Page(Path(name).resolve()).write()
