"""Cells that were measured, in a file: what was stopped goes on from there."""

import fcntl
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ArgumentError, DataError, explain


class Cell(NamedTuple):
    """Something that was measured: by which function, of what, how long it took, what came out."""

    what: str
    arguments: dict[str, Any]
    seconds: float
    result: dict[str, Any]


class Store:
    """The file `cells.jsonl` in a folder: a line for each cell, added as soon as it is measured.

    It is locked as long as it is open: two laboratories cannot write into one folder. A last line
    that was cut short is dropped. `fresh` begins anew: all, or the experiments with these names.
    """

    def __init__(self, folder: Path, fresh: bool | Collection[str] = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "cells.jsonl"
        self.file = self.path.open("a+", encoding="utf-8")
        try:
            self._lock(folder)
            if fresh is True:
                self.file.truncate(0)
            self.cells = self._read()
            if fresh and fresh is not True:
                self._drop(fresh)
        except BaseException:
            self.file.close()
            raise

    def _lock(self, folder: Path) -> None:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            hint = "another --output, or wait"
            got = f"{folder}, where one is running"
            raise ArgumentError(
                explain("lab", "a folder that no other laboratory writes into", got, hint)
            ) from None

    def _read(self) -> dict[str, Cell]:
        self.file.seek(0)
        text = self.file.read()
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            self.file.truncate(len(whole.encode()))
        cells = {}
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                key, what, arguments, seconds, result = json.loads(line)
                cells[key] = Cell(what, dict(arguments), float(seconds), dict(result))
            except (ValueError, TypeError) as error:
                expected = f"a measured cell in line {number} of {self.path}"
                raise DataError(
                    explain("lab", expected, repr(error), "--fresh, to measure all anew")
                ) from None
        return cells

    def _drop(self, experiments: Collection[str]) -> None:
        self.cells = {
            key: cell for key, cell in self.cells.items() if json.loads(key)[0] not in experiments
        }
        self.file.truncate(0)
        for name, cell in self.cells.items():
            self.file.write(json.dumps([name, *cell]) + "\n")
        self._sync()

    def _sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())

    def find(self, key: list[Any], what: str, arguments: dict[str, Any]) -> Cell | None:
        """The cell, if it was measured."""
        return self.cells.get(named(key, what, arguments))

    def add(
        self, key: list[Any], what: str, arguments: dict[str, Any], seconds: float,
        result: dict[str, Any],
    ) -> Cell:  # fmt: skip
        """Keeps a cell; it is on the disk when this returns. ValueError for NaN and infinity."""
        name = named(key, what, arguments)
        line = json.dumps([name, what, arguments, round(seconds, 4), result], allow_nan=False)
        self.file.write(line + "\n")
        self._sync()
        self.cells[name] = Cell(*json.loads(line)[1:])
        return self.cells[name]

    def close(self) -> None:
        """Lets go of the folder."""
        self.file.close()


def named(key: list[Any], what: str, arguments: dict[str, Any]) -> str:
    """The cell's name in the file."""
    return json.dumps([*key, what, arguments], sort_keys=True)
