"""The shape of the house: a file imports only from lower floors, and at its top."""

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

import minidl

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "minidl"
# Of two rooms the files have floors of their own: the room is above those, and is its __init__.py.
FLOORS = [
    {"errors"},
    {"_kernels", "tools"},
    {"engine.recording", "engine.random"},
    {"engine.tape"},
    {"engine.tensor"},
    {"engine.autograd"},
    {"engine.gradcheck", "engine"},
    {"data", "losses", "optim", "layers.base"},
    {"layers.activations"},
    {"layers.init", "layers.bias", "layers.dropout", "layers.noise", "layers.normalization"},
    {"layers.dense"},
    {"layers.containers"},
    {"layers.mlp"},
    {"layers"},
    {"checkpoint", "step"},
    {"train"},
    {"nn", "functional", "autograd", "sklearn", "diagnostics"},
    {"__init__"},
    {"cli", "lab"},
    {"__main__"},
]
EXTRAS = {
    "safetensors",
    "tqdm",
    "matplotlib",
}  # what a function may import, if the user has installed it
ROOMS_FOR = {"sklearn": ("sklearn", "scipy")}  # the rooms that are wholly about other packages
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted([*SOURCE.rglob("*.py"), *(ROOT / "minidl_lab").rglob("*.py")])


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix().removeprefix("minidl/")


def room_of(module: Sequence[str]) -> str:
    """The room of a module, or of a name in it, that is called by its whole path."""
    if module[0] == "minidl_lab":
        return "lab"
    with_file = ".".join(module[1:3])
    return with_file if with_file in FLOOR else module[1]


def room(file: Path) -> str:
    return room_of(file.relative_to(ROOT).with_suffix("").parts)


def rooms_imported(file: Path, node: ast.stmt) -> set[str]:
    """The rooms of minidl that an import statement names."""
    here = file.relative_to(ROOT).with_suffix("").parts
    if isinstance(node, ast.Import):
        names = [tuple(alias.name.split(".")) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = here[: len(here) - node.level] if node.level else ()
        module = (*base, *(node.module.split(".") if node.module else ()))
        names = [(*module, alias.name) for alias in node.names]
    else:
        return set()
    ours = [name for name in names if name[0] in ("minidl", "minidl_lab") and len(name) > 1]
    return {room_of(name) for name in ours}


def top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements outside of functions; what is for type checkers counts as all else does."""
    for node in tree.body:
        yield node
        if isinstance(node, (ast.If, ast.Try)):
            yield from top_level(node)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_point_downward(file):
    for node in top_level(ast.parse(file.read_text())):
        for imported in rooms_imported(file, node):
            floor = FLOOR.get(imported, FLOOR["__init__"])  # `minidl.schedules` is handed on there
            assert imported == room(file) or floor < FLOOR[room(file)], (
                f"{room(file)} imports {imported}, which is not below it"
            )


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_import_of_a_room_is_late(file):
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            late = [room for node in ast.walk(function) for room in rooms_imported(file, node)]
            assert not late, f"{function.name} imports {late} within its body"


def test_every_room_has_a_floor():
    assert {room(file) for file in FILES} <= set(FLOOR)


def packages_imported(nodes: Iterable[ast.AST]) -> set[str]:
    """The packages outside the standard library that these statements name."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_numpy_is_all_that_an_import_needs(file):
    tree = ast.parse(file.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    within = {node for function in functions for node in ast.walk(function)}
    needed = {"numpy", "minidl", *ROOMS_FOR.get(room(file), ())}
    assert packages_imported(set(ast.walk(tree)) - within) <= needed
    assert packages_imported(within) <= {"numpy", *EXTRAS}


def test_public_names_are_documented():
    for name in minidl.__all__:
        assert getattr(minidl, name).__doc__, name


WRITES = {"savefig", "write_text", "write_bytes", "save", "savez", "tofile", "dump"}
WRITERS = {  # beside `disk.put`, by which a file is written whole or not at all
    "data/download.py": "grows a file that is there in part",
    "minidl_lab/store.py": "adds a line to a file",
    "minidl_lab/report/drawing.py": "draws into a string",
    "tools/disk.py": "is the one place",
}


def is_writing(node: ast.AST) -> bool:
    """Whether this calls what writes to a file of that name."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    owner = getattr(getattr(node.func, "value", None), "id", "")
    modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if name == "open":
        return any(set(mode) & set("wax+") for mode in modes)
    return name in WRITES and (name not in {"save", "dump"} or owner in {"np", "json", "pickle"})


def test_files_are_written_by_one_function():
    found = {
        name_of(file)
        for file in FILES
        if any(is_writing(node) for node in ast.walk(ast.parse(file.read_text())))
    }
    assert found == set(WRITERS)
