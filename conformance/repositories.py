"""Other projects' tests, which are not copied here: their repositories, at one commit each."""

import subprocess
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".venv-conformance" / "repositories"
COMMITS = {
    "tinygrad/tinygrad": "a9069c177a9da9cca18593edf55acd2e6073cca6",
    "HIPS/autograd": "bff107b8d71a444a1160deade3e1cbd0b92f4fa6",
}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def repository(name: str) -> Path:
    """The checkout of "owner/name", which is fetched from GitHub the first time.

    Raises ModuleNotFoundError, as for a peer that is not installed, where it cannot be had.
    """
    folder, commit, url = FOLDER / name, COMMITS[name], f"https://github.com/{name}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        git(folder, "init", "--quiet")
        if commit not in git(folder, "rev-list", "--all", "--max-count=1"):
            git(folder, "fetch", "--quiet", "--depth=1", url, commit)
            git(folder, "checkout", "--quiet", "FETCH_HEAD")
    except (OSError, subprocess.CalledProcessError) as error:
        raise ModuleNotFoundError(f"{url} could not be fetched", name=url) from error
    return folder
