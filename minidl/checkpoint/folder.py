"""The checkpoints of one training: the newest few and the best."""

import math
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, CheckpointError, explain
from ..tools.checks import is_number, is_whole, to_path
from ..tools.disk import remove_leftovers
from .files import read, write

NAME = re.compile(r"step-(\d{8,})\.safetensors")
PATTERN = "step-*.safetensors"


class Saved(NamedTuple):
    """A checkpoint as it was saved."""

    path: Path
    step: int
    score: float | None
    arrays: dict[str, np.ndarray]
    state: dict[str, Any]


class Folder:
    """A folder of checkpoints, named by their step: step-00000123.safetensors.

    It keeps the newest `keep` (those of the highest steps) and the one with the highest score (the
    newest of several). A file that is damaged or unreadable counts for neither, and is never
    overwritten or deleted. Several processes may save into one folder.

    `read` of such a file gives the state {"step": ..., "score": ..., "state": ...}.

    >>> import tempfile
    >>> folder = Folder(tempfile.mkdtemp(), keep=2)
    >>> for step, accuracy in enumerate([0.91, 0.97, 0.95, 0.96]):
    ...     folder.save(step, {"weight": np.full(2, step)}, {"epoch": step}, score=accuracy)
    >>> sorted(path.name for path in folder.path.iterdir())
    ['step-00000001.safetensors', 'step-00000002.safetensors', 'step-00000003.safetensors']
    >>> folder.newest().state, folder.best().score
    ({'epoch': 3}, 0.97)
    """

    def __init__(self, path: str | os.PathLike[str], keep: int = 3) -> None:
        self.path = to_path("checkpoint.Folder", path)
        if not is_whole(keep, 1):
            raise ArgumentError(
                explain("checkpoint.Folder", "keep to be a whole number from 1 up", repr(keep))
            )
        self.keep = int(keep)
        self._ranks: dict[tuple[str, int, int], float | None] = {}  # of files that were read

    def save(
        self,
        step: int,
        arrays: Mapping[str, np.ndarray],
        state: Mapping[str, Any],
        score: float | None = None,
    ) -> None:
        """Writes a checkpoint, then deletes those that are neither among the newest nor the best.

        It replaces one of the same step; if that is damaged, it is renamed to ....damaged. A score
        of NaN is never the best. Errors as from `write`; then nothing is deleted.
        """
        operation = "checkpoint.Folder.save"
        if not is_whole(step, 0):
            raise ArgumentError(
                explain(operation, "step to be a whole number from 0 up", repr(step))
            )
        if score is not None and not is_number(score):
            raise ArgumentError(explain(operation, "score to be a number or None", repr(score)))
        score = None if score is None else float(score)
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / _name(step)
        with suppress(FileNotFoundError):
            if self._rank(path) is None:
                path.rename(path.with_name(f"{path.name}.{os.urandom(8).hex()}.damaged"))
        write(path, arrays, {"step": int(step), "score": score, "state": state})
        remove_leftovers(self.path, PATTERN)
        self._prune(path)

    def require_writable(self) -> None:
        """Makes the folder if it does not exist; OSError, as from `save`, if it is not writable."""
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.path):
            pass

    def newest(self) -> Saved | None:
        """The checkpoint of the highest step; None if there is none.

        RuntimeWarning for a damaged one, which is skipped.
        """
        return next(self._whole(), None)

    def best(self) -> Saved | None:
        """The checkpoint of the highest score; None if none has a score.

        RuntimeWarning for a damaged one, which is skipped.
        """
        best = max(self._whole(), key=lambda saved: _rank(saved.score), default=None)
        return best if best is not None and _rank(best.score) > -math.inf else None

    def _paths(self) -> list[Path]:
        """The checkpoints, newest first."""
        paths = self.path.iterdir() if self.path.is_dir() else ()
        steps = {path: int(match[1]) for path in paths if (match := NAME.fullmatch(path.name))}
        return sorted(steps, key=steps.__getitem__, reverse=True)

    def _whole(self) -> Iterator[Saved]:
        """The readable checkpoints, newest first."""
        for path in self._paths():
            try:
                saved = _load(path)
            except (CheckpointError, OSError) as error:
                if not os.path.lexists(path):  # another process has deleted it for a newer one
                    yield from self._whole()
                    return
                warnings.warn(f"{path} is passed over: {error}", RuntimeWarning, stacklevel=3)
                continue
            yield saved

    def _rank(self, path: Path) -> float | None:
        """A checkpoint's score, -inf without one; None if it is damaged. A file is read only once.
        OSError if it is unreadable now, so that it is unknown whether it is damaged."""
        status = path.stat()
        seen = (path.name, status.st_ino, status.st_mtime_ns)
        if seen not in self._ranks:
            try:
                self._ranks[seen] = _rank(_load(path).score)
            except CheckpointError:
                self._ranks[seen] = None
        return self._ranks[seen]

    def _prune(self, latest: Path) -> None:
        """Deletes the checkpoints that are not kept; never `latest`, whatever its step."""
        ranks = {}
        for path in self._paths():
            with suppress(OSError):
                if (rank := self._rank(path)) is not None:
                    ranks[path] = rank
        kept = {latest, *list(ranks)[: self.keep]}
        best = max(ranks, key=ranks.__getitem__, default=latest)
        if ranks.get(best, -math.inf) > -math.inf:
            kept.add(best)
        for path in ranks.keys() - kept:
            path.unlink(missing_ok=True)


def _name(step: int) -> str:
    return f"step-{step:08d}.safetensors"


def _rank(score: float | None) -> float:
    return -math.inf if score is None or math.isnan(score) else score


def _load(path: Path) -> Saved:
    """A file that `Folder.save` wrote; CheckpointError for any other."""
    arrays, found = read(path)
    match found:
        case {"step": int(step), "score": float() | None as score, "state": dict(state)} if (
            path.name == _name(step)
        ):
            return Saved(path, step, score, arrays, state)
    raise CheckpointError(
        explain(f"checkpoint.Folder: {path}", "a file of this name from save()", "another file")
    )
