"""Where the threads of a team meet. It follows from the splits of the work under which each
instruction reads and writes (`_kernels/instruction.pxd`)."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .. import _kernels
from ..layers.plan import Instruction, Place, Slot


class Access(NamedTuple):
    """One thing that an instruction reads or writes, by the instruction's name for it."""

    name: str
    thing: Any  # the slot, parameter or gradient behind the name
    split: str
    is_write: bool


def with_meetings(
    instructions: Iterable[Instruction], threads: int
) -> Iterator[tuple[Any, dict[str, Any], bool]]:
    """Each instruction as the kernel takes it: its capsule, its arguments, and whether all threads
    meet before it."""
    for instruction, conflict in with_conflicts(instructions, threads):
        capsule = _kernels.INSTRUCTIONS[instruction.name][0]
        yield capsule, instruction.arguments, conflict is not None


def with_conflicts(
    instructions: Iterable[Instruction], threads: int
) -> Iterator[tuple[Instruction, tuple[Access, Access] | None]]:
    """Each instruction, and why all threads meet before it, if they do: it reads what was written
    under another split since the last meeting, or writes what was read or written under another."""
    since: list[Access] = []
    for instruction in instructions:
        own = list(accesses(instruction))
        conflicts = ((a, b) for a in since for b in own if threads > 1 and is_conflict(a, b))
        conflict = next(conflicts, None)
        since = since + own if conflict is None else own
        yield instruction, conflict


def accesses(instruction: Instruction) -> Iterator[Access]:
    """What the instruction reads and writes."""
    name, arguments, _ = instruction
    _, reads, writes = _kernels.INSTRUCTIONS[name]
    for splits, is_write in ((reads, False), (writes, True)):
        for what, split in splits.items():
            value = arguments.get(what.partition(".")[0], what)
            if not (value is None or (isinstance(value, (Slot, Place)) and value < 0)):
                yield Access(what, thing(what, value), split.format_map(arguments), is_write)


def thing(what: str, value: Any) -> Any:
    """What a value of this name stands for: a slot, a parameter, the gradient of a parameter, or
    something that exists once."""
    part = what.partition(".")[2]
    is_numbered = isinstance(value, (Slot, Place))
    return (type(value), int(value), part) if is_numbered else (id(value), part)


def is_conflict(a: Access, b: Access) -> bool:
    """Whether one thread may access what another writes."""
    is_same_share = a.split == b.split != "all"
    return a.thing == b.thing and (a.is_write or b.is_write) and not is_same_share
