"""Turns: every contender in a process of its own, one at a time, round after round.

Libraries keep idle threads running for a while after their work, and these take the next one's
processors. So no two contenders share a process, only one has work at any moment, and a pause
before each turn lets the last one's threads fall asleep. Contenders alternate within every round,
because the machine's speed changes from minute to minute: what is compared was measured side by
side.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

PAUSE = 0.3  # seconds before each turn
WORKER = Path(__file__).with_name("worker.py")


class Contender(NamedTuple):
    """What runs in a process: "module:Class", the class's arguments, the threads it may have."""

    name: str
    setup: Mapping[str, Any]
    threads: int


def environment(threads: int) -> dict[str, str]:
    """The variables that give a library so many threads, and nothing that changes how it runs."""
    chosen = dict(os.environ)
    chosen.pop("OPENBLAS_CORETYPE", None)
    # Without it an import compiles every file anew, which takes twice as long.
    chosen.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
        chosen[f"{name}_NUM_THREADS"] = str(threads)
    # XLA's pool has as many threads as NPROC says; on one thread its products run in the caller.
    chosen["NPROC"] = str(threads)
    chosen["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    chosen["JAX_PLATFORMS"] = "cpu"
    return chosen


class ContenderError(RuntimeError):
    """A contender that failed; the message has its traceback."""


class Worker:
    """A contender's process."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), contender.name, json.dumps(contender.setup)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(contender.threads),
        )  # fmt: skip

    def turn(self, **request: Any) -> Any:
        """What the contender's turn() gives; it has the machine to itself."""
        time.sleep(PAUSE)
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.answer()["result"]

    def answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        message = json.loads(line) if line else {"error": "its process ended"}
        if "error" in message:
            raise ContenderError(f"{self.contender.name}: {message['error']}")
        return message

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Field:
    """Some contenders that are compared with each other."""

    def __init__(self, contenders: Mapping[str, Contender]) -> None:
        self.versions: dict[str, str] = {}
        self.missing: dict[str, str] = {}  # contender: the module that is not installed
        self.first = -1  # the position of the contender that began the latest turns
        self.workers = {label: Worker(contender) for label, contender in contenders.items()}
        for label, worker in list(self.workers.items()):
            ready = worker.answer()
            if "missing" in ready:
                self.missing[label] = ready["missing"]
                self.workers.pop(label).close()
            else:
                self.versions |= ready["versions"]

    def turns(self, **request: Any) -> dict[str, Any]:
        """One turn of every contender with the same request: their answers.

        Another one begins each time, so that none has the same one always before it.
        """
        labels = list(self.workers)
        self.first = (self.first + 1) % len(labels)
        order = labels[self.first :] + labels[: self.first]
        answers = {label: self.workers[label].turn(**request) for label in order}
        return {label: answers[label] for label in labels}

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


Peaks = dict[str, dict[str, float]]  # "flops" and "bytes" per second, by the number of threads


class Bench:
    """What all rows share: how many rounds and threads, the peaks, a record of every turn."""

    def __init__(self, rounds: int, threads: int, quick: bool, data: Path) -> None:
        self.round_count, self.threads, self.quick, self.data = rounds, threads, quick, data
        self.versions: dict[str, str] = {}
        self.missing: dict[str, str] = {}
        self.record: list[dict[str, Any]] = []
        self.machine = Worker(Contender("machine:Machine", {}, threads))
        self.machine.answer()
        self.peaks: list[Peaks] = []
        self.recent: list[Peaks] = []  # those of the latest rounds
        for _ in range(2):
            self.measure_machine()

    def measure_machine(self) -> None:
        self.peaks.append(self.machine.turn())
        self.recent.append(self.peaks[-1])

    def peak(self, what: str, threads: int) -> float:
        """The median of "flops" or "bytes" per second on so many threads, in the latest rounds."""
        return statistics.median(peak[what][str(threads)] for peak in self.recent)

    @contextmanager
    def field(self, contenders: Mapping[str, Contender]) -> Iterator[Field]:
        """The contenders' processes, started and in the end closed."""
        field = Field(contenders)
        self.versions |= field.versions
        self.missing |= field.missing
        try:
            yield field
        finally:
            field.close()

    def rounds(self) -> Iterator[int]:
        """The numbers of the rounds. Round 0 warms up, compiles and is not counted."""
        self.recent = []
        for number in range(self.round_count + 1):
            self.measure_machine()
            yield number

    def note(self, row: str, round_number: int, request: Any, answers: Any) -> None:
        """Keeps the answers of a round for results.json."""
        self.record.append(
            {"row": row, "round": round_number, "request": request, "answers": answers}
        )

    def close(self) -> None:
        self.machine.close()
