"""The record of what the installer wrote: read, refused, and on the disk before what it tells of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from errors import InstallError
from record import Record, is_real, missing_folders

INSTALL = Path(__file__).parents[2] / "install"


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record.load(tmp_path / "install-state.json")


def written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_record_is_read_back_as_it_was_written(record: Record, tmp_path: Path) -> None:
    record.claim(tmp_path / "venv")
    record.expect_files({tmp_path / "GIMP/é.py": "12ab"})
    record.make_folder(tmp_path / "GIMP")
    assert Record.load(tmp_path / "install-state.json") == record


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '"text"',
        "[" * 100_000,
        {"format": 2},
        {"format": "2"},
        {"format": 2, "files": [], "folders": [], "trees": []},
        {"format": 2, "files": {"a": "b"}, "folders": [], "trees": []},
        {"format": 2, "files": {}, "folders": [1], "trees": []},
        {"format": 2, "files": {}, "folders": [], "trees": [], "unheard": 1},
    ],
)
def test_a_damaged_record_is_one_sentence_that_asks_for_nothing_of_the_users(tmp_path: Path, content: object) -> None:
    path = written(tmp_path / "install-state.json", content)
    with pytest.raises(InstallError, match="is damaged and does not tell what was installed") as caught:
        Record.load(path)
    assert f"Move it and {tmp_path / 'venv'} away" in caught.value.tip
    assert "elete" not in caught.value.tip


def test_a_record_from_a_newer_version_is_left_to_that_version(tmp_path: Path) -> None:
    path = written(tmp_path / "install-state.json", {"format": 3, "unheard": 1})
    with pytest.raises(InstallError, match="newer version of this installer"):
        Record.load(path)


def test_a_record_of_the_first_format_is_understood(tmp_path: Path) -> None:
    facts = {"files": {"/a.py": "12ab"}, "folders": ["/"], "trees": ["venv"], "torch_backend": "cpu", "device": "cpu"}
    record = Record.load(written(tmp_path / "install-state.json", {"format": 1, **facts}))
    assert record.files == {"/a.py": ["12ab"]}
    assert record.owns(tmp_path / "venv") and record.owns(tmp_path / "logs/install.log")


@pytest.mark.parametrize("name", ["venv", "tools", "pythons", "cache", "logs/install.log"])
def test_what_somebody_else_made_is_never_claimed(record: Record, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    with pytest.raises(InstallError, match="was not made by this installer"):
        record.claim(tmp_path / name)
    assert not record.owns(tmp_path / name)


def test_a_claim_is_on_the_disk_before_anything_is_made(record: Record, tmp_path: Path) -> None:
    record.claim(tmp_path / "venv")
    assert Record.load(tmp_path / "install-state.json").owns(tmp_path / "venv")
    assert not (tmp_path / "venv").exists()


def test_folders_are_recorded_before_they_are_made_and_only_those_that_were_missing(
    record: Record, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    record.make_folder(tmp_path / "there/a/b")
    assert record.folders == [str(tmp_path / "there/a"), str(tmp_path / "there/a/b")]
    assert missing_folders(tmp_path / "there/a/b") == []


def test_a_link_is_not_what_the_installer_wrote(record: Record, tmp_path: Path) -> None:
    checkout, plugin = tmp_path / "checkout", tmp_path / "plugin"
    checkout.mkdir()
    (checkout / "a.py").write_bytes(b"same")
    record.expect_files({plugin / "a.py": "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5"})
    plugin.symlink_to(checkout, target_is_directory=True)
    assert not record.wrote(plugin / "a.py")
    assert is_real(checkout / "a.py")


@pytest.mark.posix
def test_a_full_disk_leaves_the_record_as_it_was(record: Record, tmp_path: Path) -> None:
    record.claim(tmp_path / "venv")
    before = (tmp_path / "install-state.json").read_bytes()
    code = (
        "import resource, sys; from pathlib import Path; from record import Record\n"
        "record = Record.load(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "record.claim(Path(sys.argv[1]).with_name('tools'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, record.place or ""], cwd=INSTALL, capture_output=True, text=True)
    assert f"File too large: '{record.place}'" in done.stderr
    assert (tmp_path / "install-state.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["install-state.json"]
