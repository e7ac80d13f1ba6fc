"""The archive of raw numbers: whole, with the same bytes each time, and cited by its content."""

import hashlib
import io
import json
import os
import tarfile

import lab_archive
import pytest
from lab_archive import ROOT, archive, identifier


@pytest.fixture(scope="module")
def files():
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        assert {(one.mtime, one.uid, one.gid, one.mode) for one in tar} == {(0, 0, 0, 0o644)}
        return {one.name: tar.extractfile(one).read() for one in tar}


def test_it_has_numbers_report_citation_and_checksums(files):
    docs = ROOT / "docs"
    wanted = {
        "lab/results.json": docs / "lab" / "results.json",
        "lab/report.html": docs / "lab" / "report.html",
        "CITATION.cff": ROOT / "CITATION.cff",
        **{f"papers/{file.name}": file for file in (docs / "papers").glob("*.json")},
    }
    found = {name.removeprefix("minidl-numbers/"): content for name, content in files.items()}
    sums = found.pop("SHA256SUMS")
    assert found == {name: file.read_bytes() for name, file in wanted.items()}
    listed = dict(line.split("  ")[::-1] for line in sums.decode().splitlines())
    assert set(listed) == {name for name in wanted if name.endswith(".json")}
    for name, digest in listed.items():
        assert hashlib.sha256(found[name]).hexdigest() == digest
        json.loads(found[name])
    assert identifier() == f"sha256:{hashlib.sha256(sums).hexdigest()}"


def test_the_bytes_depend_on_the_content_alone(monkeypatch, tmp_path):
    before = archive()
    for name in (
        "docs/lab/results.json",
        "docs/lab/report.html",
        "docs/papers/a.json",
        "CITATION.cff",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    monkeypatch.setattr(lab_archive, "ROOT", tmp_path)
    first, name = archive(), identifier()
    os.utime(tmp_path / "CITATION.cff", (1e9, 1e9))
    (tmp_path / "docs" / "papers" / "a.json").chmod(0o600)
    assert archive() == first != before
    (tmp_path / "docs" / "papers" / "a.json").write_text("[]")
    assert identifier() != name


def test_the_numbers_are_cited_by_their_digest():
    for name in ("CITATION.cff", "docs/laboratory.md"):
        assert (ROOT / name).read_text(encoding="utf-8").count(identifier()) == 1, name
