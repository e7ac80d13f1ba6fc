"""The raw numbers in one file, for a release: `make archive`.

    python tests/helpers/lab_archive.py build/minidl-numbers.tar

The archive has the numbers of the laboratory and of the papers' examples, their checksums, the
laboratory's report and CITATION.cff. The same commit gives the same bytes everywhere: the tar file
is not compressed, and its dates are 0.
"""

import sys
import tarfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = "minidl-numbers"


def numbers() -> dict[str, bytes]:
    """The files of numbers, by their names in the archive."""
    docs = ROOT / "docs"
    files = [docs / "lab" / "results.json", *sorted((docs / "papers").glob("*.json"))]
    return {file.relative_to(docs).as_posix(): file.read_bytes() for file in files}


def checksums() -> bytes:
    """SHA256SUMS of the numbers, as `sha256sum -c` reads it."""
    lines = [f"{sha256(content).hexdigest()}  {name}\n" for name, content in numbers().items()]
    return "".join(lines).encode()


def identifier() -> str:
    """What these numbers are cited by: the digest of their checksums, which no other numbers
    have."""
    return f"sha256:{sha256(checksums()).hexdigest()}"


def archive() -> bytes:
    """The tar file."""
    files = numbers() | {
        "SHA256SUMS": checksums(),
        "CITATION.cff": (ROOT / "CITATION.cff").read_bytes(),
        "lab/report.html": (ROOT / "docs" / "lab" / "report.html").read_bytes(),
    }
    written = BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{FOLDER}/{name}")
            entry.size = len(content)
            tar.addfile(entry, BytesIO(content))
    return written.getvalue()


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive())
    print(f"{path}\n{identifier()}")
