"""Measured cells in a file, so that a stopped laboratory goes on from there."""

import fcntl
import json
import os
import re
import warnings
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from minidl.errors import ArgumentError, explain, some
from minidl.tools import disk, strict_json

from .results import CELL

LINE = re.compile(rb'\{"sha256": "([0-9a-f]{64})", "cell": (.*)\}')


class Cell(NamedTuple):
    """A measurement: by which function, with which arguments, how long it took, and its result."""

    what: str
    arguments: dict[str, Any]
    seconds: float
    result: dict[str, Any]


class Store:
    """The file `cells.jsonl` in a folder: a line for each cell, added as soon as it is measured.

    The folder is locked while the store is open: two laboratories cannot write into one. A last
    line that was cut short is dropped, and so is a line that does not fit its checksum, with a
    RuntimeWarning. `fresh` begins anew: everything, or the experiments with these names.
    """

    def __init__(self, folder: Path, fresh: bool | Collection[str] = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "cells.jsonl"
        self.lock = os.open(folder, os.O_RDONLY)
        try:
            self._lock(folder)
            content = self._content()
            self.cells = {} if fresh is True else self._read(content, fresh or ())
            self._write()
            self.file = self.path.open("ab")
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

    def _content(self) -> bytes:
        """The present content of the file; DataError if it is a pipe or a device."""
        try:
            with disk.open_plain("lab", self.path) as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def _read(self, content: bytes, dropped: Collection[str]) -> dict[str, Cell]:
        cells, damaged = {}, []
        for number, line in enumerate(content.split(b"\n")[:-1], 1):
            try:
                name, cell = cell_in(line)
                if experiment_in(name) not in dropped:
                    cells[name] = cell
            except ValueError:
                damaged.append(number)
        if damaged:
            places = some([str(number) for number in damaged])
            told = f"{self.path}: damaged in line {places}; what was there is measured again"
            warnings.warn(told, RuntimeWarning, stacklevel=3)
        return cells

    def _write(self) -> None:
        """Writes the whole file anew, completely or not at all."""
        disk.put(self.path, [line_of(name, cell) for name, cell in self.cells.items()])

    def find(self, key: list[Any], what: str, arguments: dict[str, Any]) -> Cell | None:
        """The cell, if it was measured."""
        return self.cells.get(named(key, what, arguments))

    def add(
        self, key: list[Any], what: str, arguments: dict[str, Any], seconds: float,
        result: dict[str, Any],
    ) -> Cell:  # fmt: skip
        """Keeps a cell; it is on the disk when this returns. ValueError, and nothing is kept, for
        NaN and infinity."""
        line = line_of(
            named(key, what, arguments), Cell(what, arguments, round(seconds, 4), result)
        )
        name, cell = cell_in(line.removesuffix(b"\n"))
        self.file.write(line)
        self.file.flush()
        os.fsync(self.file.fileno())
        self.cells[name] = cell
        return cell

    def has_data(self, experiment: str) -> bool:
        """Whether anything of the experiment was measured."""
        return any(
            experiment_in(name) == experiment and cell.what != "seal"
            for name, cell in self.cells.items()
        )

    def close(self) -> None:
        """Closes the file and unlocks the folder."""
        self.file.close()
        os.close(self.lock)


def line_of(name: str, cell: Cell) -> bytes:
    """The line of a cell, with its checksum. ValueError for NaN and infinity."""
    text = json.dumps({"name": name, **cell._asdict()}, allow_nan=False)
    checksum = sha256(text.encode()).hexdigest()
    return f'{{"sha256": "{checksum}", "cell": {text}}}\n'.encode()


def cell_in(line: bytes) -> tuple[str, Cell]:
    """The cell of a line, and its name; ValueError unless `line_of` wrote it."""
    found = LINE.fullmatch(line)
    if found is None or sha256(found[2]).hexdigest() != found[1].decode():
        raise ValueError("a line without its checksum")
    kept = strict_json.parse(found[2].decode(), {"name": str, **CELL}, "cell")
    return kept["name"], Cell(*[kept[field] for field in Cell._fields])


def experiment_in(name: str) -> Any:
    """The experiment that a cell's name begins with; ValueError if there is none."""
    experiment, *_ = strict_json.parse(name, list)
    return experiment


def named(key: list[Any], what: str, arguments: dict[str, Any]) -> str:
    """The cell's name in the file."""
    return json.dumps([*key, what, arguments], sort_keys=True)
