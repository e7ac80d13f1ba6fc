"""Runs the notebooks of examples/notebooks/, and writes what they show into them.

    python tests/helpers/notebooks.py examples/notebooks/*.ipynb

With `--to FOLDER` they stay as they are, and what ran is written there.
"""

import argparse
import asyncio
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]


async def run(path: Path, target: Path) -> None:
    """Runs a notebook in a kernel of its own; CellExecutionError if a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", record_timing=False, coalesce_streams=True
    )
    await client.async_execute()
    notebook.metadata.language_info = {"name": "python"}  # without the version
    nbformat.write(notebook, target)


async def run_all(paths: list[Path], folder: Path | None) -> None:
    """Runs them at the same time."""
    await asyncio.gather(*(run(path, (folder or path.parent) / path.name) for path in paths))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--to", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    os.environ.pop("MPLBACKEND", None)  # pictures go into the notebook
    os.environ.setdefault("MINIDL_DATA", str(ROOT / "examples" / "data" / "mnist"))
    asyncio.run(run_all(arguments.notebooks, arguments.to))
