"""Files are put into a folder that the user has things in as well, and taken out again, whatever happens meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from errors import InstallError, from_system
from killing import Killed, Killer
from placing import files_below, listed, place, remove_if_empty, remove_tree, staging_of, take_out
from record import Record

OLD = {"pack/a.py": b"old a", "pack/gone.py": b"gone", "entry.py": b"#!old"}
NEW = {"pack/a.py": b"new a", "pack/deep/b.py": b"new b", "entry.py": b"#!new"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "plug-ins/neural-style"


@pytest.fixture
def record(folder: Path) -> Record:
    record = Record.load(folder.parents[1] / "install-state.json")
    record.make_folder(folder.parent)
    return record


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files_below(folder)}


def remove_all(record: Record, folder: Path) -> None:
    take_out(map(Path, record.files), record)
    if record.owns(staging_of(folder)):
        remove_tree(staging_of(folder))
    for made in sorted(map(Path, record.folders), reverse=True):
        remove_if_empty(made)


def test_the_users_own_files_outlive_an_update_and_a_removal(folder: Path, record: Record) -> None:
    place(OLD, folder, record)
    mine = {"notes.txt": b"mine", "pack/extra.py": b"mine too"}
    for name, content in mine.items():
        (folder / name).write_bytes(content)
    assert place(NEW, folder, record) == []
    assert contents(folder) == {**NEW, **mine}
    remove_all(record, folder)
    assert contents(folder) == mine


def test_what_the_user_changed_is_kept_under_a_new_name(folder: Path, record: Record) -> None:
    place(OLD, folder, record)
    (folder / "pack/a.py").write_bytes(b"mine")
    (folder / "pack/gone.py").write_bytes(b"mine")
    (folder / "pack/a.py.old").write_bytes(b"older")
    assert place(NEW, folder, record) == [folder / "pack/a.py.old-2"]
    kept = {"pack/a.py.old": b"older", "pack/a.py.old-2": b"mine", "pack/gone.py": b"mine"}
    assert contents(folder) == {**NEW, **kept}


def test_what_python_keeps_of_modules_goes_with_them_and_the_rest_stays(folder: Path, record: Record) -> None:
    place(OLD, folder, record)
    cache = folder / "pack/__pycache__"
    cache.mkdir()
    for path in (cache / "a.cpython-311.pyc", cache / "mine.pyc", folder / "pack/a.pyc"):
        path.write_bytes(b"")
    remove_all(record, folder)
    assert contents(folder) == {"pack/__pycache__/mine.pyc": b""}


def test_nothing_is_written_through_a_link(folder: Path, record: Record, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder.mkdir()
    (folder / "pack").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(InstallError, match="leads through a link"):
        place(NEW, folder, record)
    assert contents(tmp_path / "elsewhere") == {}


def test_nothing_is_deleted_through_a_link(folder: Path, record: Record, tmp_path: Path) -> None:
    place(OLD, folder, record)
    moved = tmp_path / "checkout"
    folder.rename(moved)
    folder.symlink_to(moved, target_is_directory=True)
    remove_all(record, folder)
    assert contents(moved) == OLD
    with pytest.raises(InstallError, match="is a link"):
        remove_tree(folder)
    assert contents(moved) == OLD


def test_a_plug_ins_folder_on_another_disk_is_served_where_it_is(folder: Path, record: Record, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "profile").symlink_to(tmp_path / "disk", target_is_directory=True)
    place(OLD, tmp_path / "profile/neural-style", record)
    remove_all(record, tmp_path / "profile/neural-style")
    assert contents(tmp_path / "disk") == {}
    assert (tmp_path / "profile").is_symlink()


def test_a_full_disk_leaves_the_old_files_together(
    folder: Path, record: Record, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    place(OLD, folder, record)
    with full_disk(10_000), pytest.raises(OSError, match="File too large") as caught:
        place({**NEW, "large.bin": bytes(20_000)}, folder, record)
    assert contents(folder) == OLD
    assert not staging_of(folder).exists()
    assert from_system(caught.value).tip.startswith("Make room on that disk")
    place(NEW, folder, record)
    assert contents(folder) == NEW


def stops(killer: Killer, folder: Path, record: Path) -> Iterator[None]:
    """Stop an update at each of its steps, one after the other, and yield after each."""
    for step in range(1000):
        place(OLD, folder, Record.load(record))
        killer.left = step
        try:
            place(NEW, folder, Record.load(record))
        except Killed:
            yield
        else:
            killer.left = None
            return


def test_an_update_that_is_stopped_anywhere_is_completed_by_the_next(
    killer: Killer, folder: Path, record: Record
) -> None:
    place(OLD, folder, record)
    (folder / "notes.txt").write_bytes(b"mine")
    state, steps = folder.parents[1] / "install-state.json", 0
    for _ in stops(killer, folder, state):
        steps += 1
        assert place(NEW, folder, Record.load(state)) == []
        assert contents(folder) == {**NEW, "notes.txt": b"mine"}
        assert os.listdir(folder.parent) == ["neural-style"]
    assert steps > 20


def test_an_update_that_is_stopped_anywhere_can_be_removed(killer: Killer, folder: Path, record: Record) -> None:
    place(OLD, folder, record)
    (folder / "notes.txt").write_bytes(b"mine")
    state, steps = folder.parents[1] / "install-state.json", 0
    for _ in stops(killer, folder, state):
        steps += 1
        remove_all(Record.load(state), folder)
        assert contents(folder) == {"notes.txt": b"mine"}
        assert os.listdir(folder.parent) == ["neural-style"]
    assert steps > 20


def test_many_paths_are_one_short_line() -> None:
    assert listed([Path("a"), Path("b")]) == "a, b"
    assert listed([Path(str(number)) for number in range(20_000)]) == "0, 1, 2 and 19997 more"
