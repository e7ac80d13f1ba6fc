"""The order in which the source can be read, and the short way from the first page to one training
step: `python tests/helpers/reading_order.py` writes both into docs/tour/index.md.

No file of the order needs a later one. A part is about some files, its goals: it has what they
need and no earlier part had, and then the goals themselves.
"""

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from floors import ROOT, imported_by

PAGE = ROOT / "docs" / "tour" / "index.md"
LINES_A_MINUTE = 7  # so the first page takes twenty minutes

# ---- Lines of code -----------------------------------------------------------------------------

LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


class Statement(NamedTuple):
    """One statement's head: its indent, its text, and how many lines it takes."""

    indent: int
    text: str
    lines: int


@cache
def statements(file: Path) -> tuple[Statement, ...]:
    """The code of a file of Python or Cython, without comments, docstrings and blank lines."""
    found: list[Statement] = []
    tokens: list[tokenize.TokenInfo] = []
    with file.open() as opened:
        for token in tokenize.generate_tokens(opened.readline):
            if token.type in LAYOUT:
                continue
            if token.type != tokenize.NEWLINE:
                tokens.append(token)
                continue
            # A text by itself is a docstring, unless it is the C code of a `cdef extern`.
            is_text = all(t.type == tokenize.STRING for t in tokens)
            if not is_text or (found and found[-1].text.startswith("cdef extern")):
                rows = {row for t in tokens for row in range(t.start[0], t.end[0] + 1)}
                text = " ".join(t.string for t in tokens)
                found.append(Statement(tokens[0].start[1], text, len(rows)))
            tokens = []
    return tuple(found)


def lines_of(file: Path, *names: str) -> int:
    """The lines of code in a file, or in the classes and functions of it with these names."""
    if not names:
        return sum(statement.lines for statement in statements(file))
    return sum(s.lines for name in names for s in section(file, name))


def section(file: Path, name: str) -> list[Statement]:
    """The statements of a class or function; of a method by "Class.method"."""
    inside = list(statements(file))
    for part in name.split("."):
        head = re.compile(rf"(class|def|cdef|cpdef)\b[^(=]*\b{part} ?[(:]")
        start = next((i for i, s in enumerate(inside) if head.match(s.text)), None)
        assert start is not None, f"{file.name} has no {name}"
        body = inside[start + 1 :]
        end = next((i for i, s in enumerate(body) if s.indent <= inside[start].indent), len(body))
        inside = [inside[start], *body[:end]]
    return inside


# ---- What a file needs -------------------------------------------------------------------------

SOURCE = ROOT / "minidl"
KERNELS = SOURCE / "_kernels"
ENDINGS = ("*.py", "_kernels/*.pyx", "_kernels/*.pxd", "_kernels/*.in")
FILES = sorted(f for ending in ENDINGS for f in SOURCE.rglob(ending) if statements(f))
# setup.py makes the template's loops of the formulas in these files.
FILLED_IN = {"pointwise.pyx.in": ["piecewise.pxd", "smooth.pxd"]}


@cache
def needs(file: Path) -> list[Path]:
    """The files whose code this one uses, in the order in which it names them. What it imports for
    type checkers alone is not needed to understand it."""
    found = used_by_python(file) if file.suffix == ".py" else used_by_cython(file)
    return [other for other in dict.fromkeys(found) if other != file]


def used_by_cython(file: Path) -> Iterator[Path]:
    """The modules that it cimports: their .pxd, or the .pyx of a module without one; and of a .pyx
    the .pxd beside it."""
    names = re.findall(r"^from minidl\._kernels\.(\w+) cimport", file.read_text(), re.MULTILINE)
    for path in [file, *(KERNELS / f"{name}.pyx" for name in names)]:
        declared = path.with_suffix(".pxd")
        yield declared if declared.exists() else path
    yield from (KERNELS / name for name in FILLED_IN.get(file.name, ()))


def used_by_python(file: Path) -> Iterator[Path]:
    """Where the names that it imports are defined, and the kernels that it calls."""
    tree = ast.parse(file.read_text())
    for imported in names_imported(file, tree):
        yield defining(imported)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "_kernels":
            kernel = KERNELS / f"{node.attr}.pyx"
            if kernel.exists():
                yield kernel


def names_imported(file: Path, tree: ast.Module | ast.Try) -> Iterator[tuple[str, ...]]:
    for statement in tree.body:
        yield from imported_by(file, statement)
        if isinstance(statement, ast.Try):
            yield from names_imported(file, statement)


def defining(name: tuple[str, ...]) -> Path:
    """The file of a module, or the file that defines the name in one: not a package that hands the
    name on."""
    if file := file_of(name):
        return file
    file = file_of(name[:-1])
    assert file is not None, f"there is no {'.'.join(name)}"
    if file.name == "__init__.py":
        for other in names_imported(file, ast.parse(file.read_text())):
            if other[-1] == name[-1] and other != name:
                return defining(other)
    return file


def file_of(module: tuple[str, ...]) -> Path | None:
    path = ROOT.joinpath(*module)
    places = [path.with_suffix(".py"), path / "__init__.py", path.with_suffix(".pyx")]
    return next((place for place in places if place.is_file()), None)


# ---- The order ---------------------------------------------------------------------------------


class Part(NamedTuple):
    """A part of the order: what it is about, its goals (files, or folders with all in them), and
    the chapter of the tour that goes with it."""

    title: str
    goals: str
    chapter: int = 0


PARTS = [
    Part("The tape", "engine/tape.py", 2),
    Part("How Python finds the kernels", "_kernels/openmp.pyx _kernels/__init__.py"),
    Part("The kernels' numbers", "_kernels/scalar.pxd"),
    Part("The product", "_kernels/gemm.pyx", 5),
    Part("Operations", "engine/tensor/operation.py engine/tensor/arithmetic.py"),
    Part("Elements and indices", "engine/tensor/elementwise.py engine/tensor/indexing.py"),
    Part("The tensor", "engine/tensor/__init__.py"),
    Part("Random numbers, and gradients as functions", "engine/"),
    Part("What a layer is", "layers/base.py"),
    Part(
        "Activations",
        "_kernels/pointwise.pyx.in _kernels/prelu.pyx _kernels/maxout.pyx layers/activations/",
        3,
    ),
    Part("The dense layer", "layers/dense.py"),
    Part("The other layers, and nets", "layers/"),
    Part("Losses", "_kernels/losses.pyx _kernels/softmax.pyx losses/", 4),
    Part("Optimisers", "_kernels/rules.pyx optim/", 7),
    Part("Tables", "tables/"),
    Part("Data", "data/"),
    Part("A step as one kernel call", "_kernels/ step/", 6),
    Part("Training and checkpoints", "train/ checkpoint/"),
    Part("Many processes", "parallel/"),
    Part("Pictures and diagnostics of a net", "diagnostics/"),
    Part("What `import minidl` has", "__init__.py"),
    Part("scikit-learn's estimators", "sklearn/"),
    Part("ONNX", "onnx/"),
    Part("The command line", "cli/ __main__.py"),
]


def order() -> list[tuple[Part, list[Path]]]:
    """Each part with its files, in the order in which to read them."""
    read: dict[Path, None] = {}
    parts = []
    for part in PARTS:
        before = len(read)
        for goal in part.goals.split():
            path = SOURCE / goal
            for file in [path] if path.is_file() else [f for f in FILES if path in f.parents]:
                visit(file, read, ())
        parts.append((part, list(read)[before:]))
    return parts


def visit(file: Path, read: dict[Path, None], waiting: tuple[Path, ...]) -> None:
    """Reads what a file needs, then the file; `waiting` are those that need it."""
    assert file not in waiting, f"{file} needs itself, by {[f.name for f in waiting]}"
    if file not in read and statements(file):
        for other in needs(file):
            visit(other, read, (*waiting, file))
        read[file] = None


# ---- The short way -----------------------------------------------------------------------------


class Stop(NamedTuple):
    """A place on the way: a file, the classes and functions to read in it, and what they show."""

    file: str
    names: str
    shows: str


WAY = [
    Stop("examples/one_page.py", "", "Tensor, tape, activations, losses, optimisers, a training "
         "step; the other places each do a part of this in earnest"),
    Stop("minidl/engine/tape.py", "Node", "What an operation leaves on the tape: edges to "
         "where its inputs came from, and the values that its gradients will read"),
    Stop("minidl/engine/tensor/operation.py", "edge_of kept_by record Operation.gradients",
         "How a result gets its node, and how a node finds the gradients of its inputs"),
    Stop("minidl/engine/tensor/base.py", "Base.receive_gradient", "How a weight gets its `grad`"),
    Stop("minidl/engine/tape.py", "add_up walk finish backward", "Backpropagation: from the "
         "youngest node to the oldest, each when it has received all of its gradient"),
    Stop("minidl/engine/tensor/base.py", "Base.backward", "How `loss.backward()` begins, with "
         "dL/dL = 1"),
    Stop("minidl/_kernels/piecewise.pxd", "relu_forward relu_backward", "An activation: one "
         "number forward, one gradient back"),
    Stop("minidl/_kernels/dense.pyx", "forward backward", "y = f(x · W + b), and from dy the "
         "gradients dz, db, dW, dx: three products of matrices"),
    Stop("minidl/layers/dense.py", "dense gradients Dense.forward", "The layer around this kernel, "
         "and its operation on the tape"),
    Stop("minidl/layers/containers.py", "run_in_order Sequential.forward", "The forward pass of a "
         "net: a layer after the other, a dense layer together with its activation"),
    Stop("minidl/_kernels/softmax.pyx", "exponentials soft_targets_row", "The cross-entropy of a "
         "row, -ln p at the label, and its gradient: p - 1 at the label, p elsewhere"),
    Stop("minidl/losses/reduction.py", "RowLoss.run gradients reduced", "The loss of a batch: one "
         "kernel computes it with its gradient, which the tape keeps"),
    Stop("minidl/_kernels/rules.pyx", "sgd_coefficients sgd", "The update of a parameter by SGD "
         "with momentum"),
    Stop("minidl/optim/base.py", "Optimizer.zero_grad", "Why gradients go before the next batch: "
         "`backward` adds to them"),
    Stop("minidl/optim/compiled.py", "Compiled.step", "An optimiser's step: the rule for all "
         "parameters that have a gradient"),
    Stop("minidl/step/training.py", "TrainingStep._by_layers TrainingStep._update", "One training "
         "step. You can now explain each of its lines"),
]  # fmt: skip


def lines_on_the_way() -> list[int]:
    """The lines of code at each stop."""
    return [lines_of(ROOT / stop.file, *stop.names.split()) for stop in WAY]


def way_list() -> str:
    """The short way as a list."""
    counts = lines_on_the_way()
    rows = []
    for number, (stop, lines) in enumerate(zip(WAY, counts, strict=True), start=1):
        names = ", ".join(f"`{name}`" for name in stop.names.split()) or "the whole page"
        link = f"[{stop.file.removeprefix('minidl/')}](../../{stop.file})"
        rows.append(f"{number}. {link}: {names} ({lines} lines). {stop.shows}.")
    total = sum(counts)
    return "\n".join([*rows, "", f"Together they have {total} lines and take {hours(total)}."])


# ---- The page ----------------------------------------------------------------------------------


def rounded(lines: int) -> int:
    """With two digits."""
    step = 10 ** max(len(str(lines)) - 2, 0)
    return round(lines / step) * step


def hours(lines: int) -> str:
    """The time that so many lines of code take to read."""
    minutes = max(5, 5 * round(lines / LINES_A_MINUTE / 5))
    whole, rest = divmod(minutes, 60)
    return " ".join([f"{whole} h"] * (whole > 0) + [f"{rest} min"] * (rest > 0))


def by_folder(files: list[Path]) -> str:
    """The files' names, each folder once for those of it that follow each other."""
    folders = groupby(files, key=lambda file: file.parent)
    return "; ".join(
        (f"`{folder.relative_to(SOURCE)}/` " if folder != SOURCE else "")
        + ", ".join(f"`{file.name}`" for file in inside)
        for folder, inside in folders
    )


def order_list() -> str:
    """The parts of the order as a list."""
    rows = []
    for number, (part, files) in enumerate(order(), start=1):
        lines = sum(map(lines_of, files))
        chapter = f", with chapter {part.chapter}" if part.chapter else ""
        rows.append(f"{number}. **{part.title}** ({rounded(lines):,} lines, {hours(lines)}"
                    f"{chapter}): {by_folder(files)}")  # fmt: skip
    return "\n".join(rows)


def written(page: str) -> str:
    """The page with both lists as they are now."""
    for name, rows in (("short way", way_list()), ("order", order_list())):
        before, rest = page.split(f"<!-- {name} -->\n")
        after = rest.split(f"<!-- end of {name} -->")[1]
        page = f"{before}<!-- {name} -->\n{rows}\n<!-- end of {name} -->{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
