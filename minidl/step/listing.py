"""A program as text: its instructions, what each reads and writes, and where threads meet."""

from collections.abc import Callable, Iterator

from ..layers.plan import Instruction, Place
from .meetings import Access, accesses, with_conflicts
from .program import Program

MEET = "  all threads meet"


def listing(program: Program) -> str:
    """The program's lists, with a line for each instruction and for each meeting."""
    return "\n".join(lines_of(program))


def lines_of(program: Program) -> Iterator[str]:
    """The memory for a batch, then each list under its title."""
    of = namer(program)
    widths = ", ".join(f"{slot(i)} {memory.shape[1]}" for i, memory in enumerate(program.slots))
    yield f"threads: {program.threads}, rows: {program.batch}, numbers in a row: {widths}"
    for title, instructions in program.lists.items():
        if not instructions:
            continue
        yield title
        for instruction, conflict in with_conflicts(instructions, program.threads):
            if conflict is not None:
                before, now = conflict
                yield f"{MEET}: {of(before)} was {done(before)}, {of(now)} is {done(now)}"
            if program.options.accumulate > 1 and instruction is program.for_group[0]:
                yield f"and for each {program.options.accumulate} steps once"
            yield f"    {instruction.name:20}{sides(instruction, of)}"
        if program.threads > 1:
            yield MEET


def sides(instruction: Instruction, of: Callable[[Access], str]) -> str:
    """What the instruction reads -> what it writes."""
    found: tuple[dict[str, None], dict[str, None]] = {}, {}  # each name once
    for access in accesses(instruction):
        found[access.is_write][of(access)] = None
    return " -> ".join(map(", ".join, found)).strip()


def namer(program: Program) -> Callable[[Access], str]:
    """A function that names what an instruction reads or writes, and the split."""
    net = program.net.net()
    names = {} if net is None else {id(p): name for name, p in net.named_parameters()}

    def of(access: Access) -> str:
        what = access.name
        if len(access.thing) == 3:
            kind, number, part = access.thing
            p = program.parameters[number] if kind is Place else None
            what = slot(number) if p is None else names.get(id(p), f"parameter {number}")
            what += f".{part}" if part else ""
        return f"{what}[{access.split}]"

    return of


def slot(number: int) -> str:
    """A slot's name."""
    return f"slot {number}" if number else "input"


def done(access: Access) -> str:
    """Whether it is read or written, in words."""
    return "written" if access.is_write else "read"
