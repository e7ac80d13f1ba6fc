"""What `make sanitize` runs last: every kernel under valgrind's memcheck, which tells when one
decides by memory that nobody has written to. (Valgrind knows no AVX-512.)
"""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from minidl import _kernels

HERE = Path(__file__).parent
VALGRIND = ["valgrind", "--show-leak-kinds=none", "--error-limit=no", "--xml=yes"]


def stacks(report):
    """The functions on the stack of each error that has to do with a kernel, innermost first.
    Python and NumPy have errors of their own, which is no matter: they look at many bytes at a
    time."""
    for error in ElementTree.parse(report).iter("error"):
        frames = list(error.find("stack").iter("frame"))
        if any("/_kernels/" in frame.findtext("obj", "") for frame in frames):
            yield [frame.findtext("fn", "?") for frame in frames]


@pytest.mark.parametrize("level", [level for level in _kernels.levels() if level != "v4"])
def test_no_kernel_reads_memory_that_nobody_has_written(level, tmp_path):
    assert shutil.which("valgrind"), "there is no valgrind. Try: apt-get install valgrind"
    report = tmp_path / "report.xml"
    # Python's own allocator would hand memory out again, as if it were written.
    environment = os.environ | {"MINIDL_CPU": level, "PYTHONMALLOC": "malloc"}
    command = [*VALGRIND, f"--xml-file={report}", sys.executable, "every_kernel.py"]
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = list(stacks(report))
    wanted = [names for names in told if "map_next" in names]
    assert wanted, "a read of memory that nobody has written was not noticed"
    assert [names for names in told if names not in wanted] == []
