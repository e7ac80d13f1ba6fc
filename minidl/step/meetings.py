"""Where the threads of a team meet: it follows from the splits under which each instruction reads
and writes (`_kernels/instruction.pxd`)."""

from collections.abc import Iterable, Iterator
from typing import Any

from .. import _kernels
from ..layers.plan import Instruction, Place, Slot

Access = tuple[Any, str, bool]  # what is read or written, under which split, whether it is written


def with_meetings(
    instructions: Iterable[Instruction], threads: int
) -> Iterator[tuple[Any, dict[str, Any], bool]]:
    """Each instruction as the kernel takes it: its capsule, its arguments, and whether all threads
    meet before it: where it reads what was written under another split since they last met, or
    writes what was read or written so."""
    since: list[Access] = []
    for instruction in instructions:
        own = list(accesses(instruction))
        meets = threads > 1 and any(is_conflict(a, b) for a in since for b in own)
        since = own if meets else since + own
        yield _kernels.INSTRUCTIONS[instruction.name][0], instruction.arguments, meets


def accesses(instruction: Instruction) -> Iterator[Access]:
    """What the instruction reads and writes, of all that is there."""
    name, arguments, _ = instruction
    _, reads, writes = _kernels.INSTRUCTIONS[name]
    for splits, is_write in ((reads, False), (writes, True)):
        for what, split in splits.items():
            value = arguments.get(what.partition(".")[0], what)
            if not (value is None or (isinstance(value, (Slot, Place)) and value < 0)):
                yield thing(what, value), split.format_map(arguments), is_write


def thing(what: str, value: Any) -> Any:
    """What an instruction means by a name of this value: a slot, a parameter, the gradient of one,
    or what there is one of."""
    part = what.partition(".")[2]
    is_numbered = isinstance(value, (Slot, Place))
    return (type(value), int(value), part) if is_numbered else (id(value), part)


def is_conflict(a: Access, b: Access) -> bool:
    """Whether a thread may touch what another one writes."""
    is_same_share = a[1] == b[1] != "all"
    return a[0] == b[0] and (a[2] or b[2]) and not is_same_share
