"""What only a process of its own shows: the entry, pipes, Ctrl-C, and what is imported."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
MINIDL = [sys.executable, "-m", "minidl"]


ELSEWHERE = tempfile.gettempdir()  # where Python does not find the source instead of the build


def finished(command, cwd=ELSEWHERE, **options):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, **options)


def test_the_module_runs_and_its_exit_code_is_the_commands():
    done = finished([*MINIDL, "config", "--json"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith('{"version"')
    assert finished([*MINIDL, "summary", "nowhere.st"]).returncode == 1


def test_the_console_script_is_main():
    assert 'minidl = "minidl.cli:main"' in (ROOT / "pyproject.toml").read_text()


def test_config_imports_what_it_needs():
    program = (
        "import sys, minidl; from minidl.cli import main; before = set(sys.modules)\n"
        "main(['config']); print(sorted({m.split('.')[0] for m in sys.modules}"
        " & {'matplotlib', 'tqdm', 'safetensors', 'scipy', 'sklearn'}))"
    )
    assert finished([sys.executable, "-c", program]).stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_error():
    read, write = os.pipe()
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(
        [*MINIDL, "activations"], cwd=ELSEWHERE, env=buffered, stdout=write, stderr=subprocess.PIPE
    )
    os.close(read)  # long before anything is written
    os.close(write)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (141, b"")


def test_a_terminal_that_knows_no_infinity():
    done = finished([*MINIDL, "activations"], env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert done.stderr == (
        "minidl activations: stdout knows no '\\u221e'. "
        "Try: PYTHONIOENCODING=utf-8 in the environment\n"
    )


def test_ctrl_c_saves_what_was_learned(here):
    command = [*MINIDL, "train", "--data", "iris.csv", "--target", "species", "--save", "a.st",
               "--epochs", str(10**6)]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr.readline().startswith("epoch 1/")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "stopped: interrupted" in out
    done = finished([*MINIDL, "summary", "a.st"], cwd=here)
    assert "interrupted" in done.stdout
