"""Cells that were measured, in a file: what was stopped goes on from there."""

import fcntl
import json
import os
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from .. import disk
from ..errors import ArgumentError, explain


class Cell(NamedTuple):
    """Something that was measured: by which function, of what, how long it took, what came out."""

    what: str
    arguments: dict[str, Any]
    seconds: float
    result: dict[str, Any]


class Store:
    """The file `cells.jsonl` in a folder: a line for each cell, added as soon as it is measured.

    The folder is locked as long as the store is open: two laboratories cannot write into one. A
    last line that was cut short is dropped, and so is one that is damaged, with a RuntimeWarning.
    `fresh` begins anew: all, or the experiments with these names.
    """

    def __init__(self, folder: Path, fresh: bool | Collection[str] = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "cells.jsonl"
        self.lock = os.open(folder, os.O_RDONLY)
        try:
            self._lock(folder)
            self.cells = {} if fresh is True else self._read(fresh or ())
            self._write()
            self.file = self.path.open("a", encoding="utf-8")
        except BaseException:
            os.close(self.lock)
            raise

    def _lock(self, folder: Path) -> None:
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            hint = "another --output, or wait"
            got = f"{folder}, where one is running"
            raise ArgumentError(
                explain("lab", "a folder that no other laboratory writes into", got, hint)
            ) from None

    def _read(self, dropped: Collection[str]) -> dict[str, Cell]:
        lines = self.path.read_bytes().split(b"\n")[:-1] if self.path.exists() else []
        cells, damaged = {}, []
        for number, line in enumerate(lines, 1):
            try:
                key, what, arguments, seconds, result = json.loads(line)
                if json.loads(key)[0] not in dropped:
                    cells[key] = Cell(what, dict(arguments), float(seconds), dict(result))
            except (ValueError, TypeError, LookupError):
                damaged.append(number)
        if damaged:
            places = ", ".join(map(str, damaged))
            told = f"{self.path}: damaged in line {places}; what was there is measured again"
            warnings.warn(told, RuntimeWarning, stacklevel=3)
        return cells

    def _write(self) -> None:
        """Writes the file anew, whole or not at all."""
        disk.put(self.path, [line_of(name, cell).encode() for name, cell in self.cells.items()])

    def find(self, key: list[Any], what: str, arguments: dict[str, Any]) -> Cell | None:
        """The cell, if it was measured."""
        return self.cells.get(named(key, what, arguments))

    def add(
        self, key: list[Any], what: str, arguments: dict[str, Any], seconds: float,
        result: dict[str, Any],
    ) -> Cell:  # fmt: skip
        """Keeps a cell; it is on the disk when this returns. ValueError for NaN and infinity."""
        name = named(key, what, arguments)
        line = line_of(name, Cell(what, arguments, round(seconds, 4), result))
        self.file.write(line)
        self.file.flush()
        os.fsync(self.file.fileno())
        self.cells[name] = Cell(*json.loads(line)[1:])
        return self.cells[name]

    def close(self) -> None:
        """Lets go of the folder."""
        self.file.close()
        os.close(self.lock)


def line_of(name: str, cell: Cell) -> str:
    """A cell in the file. ValueError for NaN and infinity."""
    return json.dumps([name, *cell], allow_nan=False) + "\n"


def named(key: list[Any], what: str, arguments: dict[str, Any]) -> str:
    """The cell's name in the file."""
    return json.dumps([*key, what, arguments], sort_keys=True)
