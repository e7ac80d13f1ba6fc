"""The floors of the house: `python tests/helpers/floors.py` prints the table in docs/house.md.

A file imports only from lower floors, or from its own room; tests/test_house.py holds them to it.
"""

import ast
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLOORS = [
    {"errors": "the exceptions"},
    {
        "_kernels": "arrays in, arrays out, compiled: products, activations, losses, updates",
        "tools": "checks of arguments, files written whole or not at all, locks on files and "
        "across forks, JSON that others wrote, tables",
    },
    {
        "tables": "tables from files and data frames, the kinds of their columns, and encoders of "
        "them as a net's inputs: one file a subject",
        "engine": "the source of randomness, the tape, which is the graph and the backward pass, "
        "`Tensor` and its operations, one file a subject, and gradients as functions",
    },
    {
        "layers": "one file a layer, with its operation; one declaration an activation",
        "losses": "one declaration a loss",
        "optim": "the optimisers, schedules of their rates, constraints",
        "data": "MNIST, IDX files, batches; what the room of tables has, for users",
    },
    {
        "step": "a step, an epoch, outputs: many batches in one kernel call; which units fire",
        "checkpoint": "files of weights and of trainings",
    },
    {"parallel": "a step whose batches the processes of mpirun share"},
    {"train": "`fit` and what goes with it: one file a subject"},
    {
        "nn": "the layers, under the names that users import",
        "functional": "the functions, likewise",
        "autograd": "gradients as functions, likewise",
        "diagnostics": "a net under observation, what it means in words, its graph",
        "sklearn": "the estimators; the one room that needs scikit-learn and SciPy",
    },
    {"__init__": "what `import minidl` has"},
    {"onnx": "ONNX files of nets, estimators and tables' models; a backend; needs onnx"},
    {
        "cli": "the command line: one file a command",
        "minidl_lab": "the laboratory, a package of its own: one file an experiment, statistics, "
        "the report",
    },
    {"__main__": "`python -m minidl`"},
]
WITHIN = {  # in these rooms the files have floors too; the room's __init__ is above them
    "engine": ["recording random", "tape", "tensor", "autograd", "gradcheck"],
    "layers": [
        "checks plan hooks", "summary", "base", "activations",
        "batch_norm bias dropout embedding flatten init layer_norm noise", "dense", "containers",
        "mlp",
    ],
}  # fmt: skip
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def module_of(file: Path) -> tuple[str, ...]:
    return file.relative_to(ROOT).with_suffix("").parts


def imported_by(file: Path, node: ast.stmt) -> list[tuple[str, ...]]:
    """The modules of minidl, or names in them, that an import statement names, by whole paths."""
    if isinstance(node, ast.Import):
        names = [tuple(alias.name.split(".")) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        here = module_of(file)
        base = here[: len(here) - node.level] if node.level else ()
        module = (*base, *(node.module.split(".") if node.module else ()))
        names = [(*module, alias.name) for alias in node.names]
    else:
        return []
    return [name for name in names if name[0] in ("minidl", "minidl_lab") and len(name) > 1]


def place(module: Sequence[str]) -> tuple[int, str, int, str]:
    """Of a module, or a name in one, that is called by its whole path: its floor, its room, and
    the floor and the file within the room, where these count."""
    room, *parts = module if module[0] in FLOOR else module[1:]
    within = WITHIN.get(room, [])
    for number, files in enumerate(within):
        if parts and parts[0] in files.split():
            return FLOOR[room], room, number, parts[0]
    # A name that is no room, such as minidl.schedules, is handed on by __init__.
    return FLOOR.get(room, FLOOR["__init__"]), room, len(within), ""


def may_import(importing: Sequence[str], imported: Sequence[str]) -> bool:
    """Whether one module may import another, or a name from it."""
    floor, room, floor_within, file = place(imported)
    own_floor, own_room, own_floor_within, own_file = place(importing)
    if room != own_room:
        return floor < own_floor
    return file == own_file or floor_within < own_floor_within


def table() -> str:
    """The table."""
    lines = ["| floor | room | what lives there |", "|---|---|---|"]
    for number, rooms in enumerate(FLOORS):
        for room, words in rooms.items():
            package = any((parent / room).is_dir() for parent in (ROOT, ROOT / "minidl"))
            order = " < ".join(", ".join(files.split()) for files in WITHIN.get(room, []))
            words += f". Within it: {order}" if order else ""
            lines.append(f"| {number} | `{room}{'/' if package else '.py'}` | {words} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
