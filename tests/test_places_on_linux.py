"""Files in their places: nothing is replaced unasked, nothing that was made is lost."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from nst_engine.errors import PictureError
from nst_engine.files import places

OLD, NEW = b"old", b"new" * 1000


def kept(message: str) -> Path:
    """Where the sentence says that what was made is kept."""
    return Path(message.partition("is kept as ")[2].partition(". Move")[0])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "a.png"


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 64 kB, a quarter full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("only root may mount")
    (folder / "filling").write_bytes(bytes(16384))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_what_is_there_is_replaced_only_if_asked(path):
    places.deliver(path, OLD, force=False)
    with pytest.raises(PictureError, match="exists already") as refusal:
        places.deliver(path, NEW, force=False)
    assert path.read_bytes() == OLD
    assert kept(str(refusal.value)).read_bytes() == NEW
    places.deliver(path, NEW, force=True)
    assert path.read_bytes() == NEW


def test_of_many_that_write_at_once_one_gets_the_name(path):
    wins = []

    def write(number: int) -> None:
        try:
            places.put(path, bytes([number]) * 100_000, force=False)
            wins.append(number)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=write, args=[number]) for number in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(wins) == 1
    assert path.read_bytes() == bytes(wins) * 100_000
    assert names(path.parent) == ["a.png"]


@pytest.mark.parametrize("there", [True, False])
def test_with_force_a_link_is_written_through(tmp_path, path, there):
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "b.png"
    if there:
        target.write_bytes(OLD)
    path.symlink_to(target)
    with pytest.raises(PictureError, match="exists already"):
        places.check(path, force=False)
    places.check(path, force=True)
    places.deliver(path, NEW, force=True)
    assert path.is_symlink()
    assert target.read_bytes() == NEW
    assert names(tmp_path / "far") == ["b.png"]


def test_a_link_is_not_written_through_unasked(tmp_path, path):
    path.symlink_to(tmp_path / "b.png")
    with pytest.raises(FileExistsError):
        places.put(path, NEW, force=False)
    assert not (tmp_path / "b.png").exists()


def test_what_is_replaced_keeps_its_permissions(path):
    path.write_bytes(OLD)
    path.chmod(0o600)
    places.put(path, NEW, force=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "\udcff" * 300 + ".png", "a\0.png", "loop.png/a.png"])
def test_names_that_no_file_can_have_are_refused_before_the_work(tmp_path, name):
    (tmp_path / "loop.png").symlink_to("loop.png")
    with pytest.raises(PictureError, match="cannot be written|There is no folder"):
        places.check(tmp_path / name, force=True)
    assert names(tmp_path) == ["loop.png"]


def test_a_loop_of_links_is_refused(path):
    path.symlink_to(path)
    with pytest.raises(PictureError, match="Too many levels"):
        places.check(path, force=True)


@pytest.mark.parametrize("folder", ["/proc", "/sys"])
def test_a_folder_where_nothing_can_be_made_is_refused_before_the_work(folder):
    with pytest.raises(PictureError, match="Nothing can be written to the folder"):
        places.check(Path(folder, "a.png"), force=False)


def test_a_trial_leaves_nothing(path):
    places.check(path, force=False)
    assert names(path.parent) == []


@pytest.mark.parametrize("force", [True, False])
def test_devices_and_pipes_are_no_place_for_a_picture(tmp_path, path, force):
    os.mkfifo(path)
    (tmp_path / "b.png").symlink_to("/dev/null")
    for each in (path, tmp_path / "b.png"):
        with pytest.raises(PictureError):
            places.check(each, force)


def test_a_pipe_takes_a_report(path):
    os.mkfifo(path)
    places.check(path, force=False, may_be_stream=True)
    reading = subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE)
    places.deliver(path, NEW, force=False)
    assert reading.communicate(timeout=60)[0] == NEW
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_pipe_stays_one_when_a_finished_file_is_delivered(tmp_path, path):
    os.mkfifo(path)
    (tmp_path / "finished").write_bytes(NEW)
    reading = subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE)
    places.deliver_file(path, tmp_path / "finished", force=True)
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert reading.communicate(timeout=60)[0] == NEW
    assert names(tmp_path) == [path.name]


def test_a_second_ctrl_c_just_after_the_file_is_there_leaves_it_there(path, monkeypatch):
    def interrupted(source, target):
        os.rename(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        places.put(path, NEW, force=False)
    assert path.read_bytes() == NEW


def test_a_pipe_that_nobody_reads_keeps_nobody_waiting(path, monkeypatch):
    os.mkfifo(path)
    monkeypatch.setattr(places, "READER_SECONDS", 0.2)
    with pytest.raises(PictureError, match="cannot be written") as error:
        places.deliver(path, NEW, force=False)
    assert kept(str(error.value)).read_bytes() == NEW
    kept(str(error.value)).unlink()


def test_a_full_disk_is_noticed_before_the_work(tiny_disk):
    places.check_room(tiny_disk / "a.png", 40_000)
    with pytest.raises(PictureError, match="kB; the disk"):
        places.check_room(tiny_disk / "a.png", 60_000)
    (tiny_disk / "more").write_bytes(bytes(49152))
    with pytest.raises(PictureError, match="No space left"):
        places.check(tiny_disk / "a.png", force=False)


def test_a_disk_that_filled_meanwhile_costs_nothing(tiny_disk):
    with pytest.raises(PictureError, match="No space left on device") as error:
        places.deliver(tiny_disk / "a.png", bytes(100_000), force=False)
    assert kept(str(error.value)).read_bytes() == bytes(100_000)
    kept(str(error.value)).unlink()
    assert names(tiny_disk) == ["filling"]


def test_a_folder_that_went_meanwhile_costs_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(PictureError, match="No such file or directory") as error:
        places.deliver(tmp_path / "gone" / "a.png", NEW, force=False)
    assert kept(str(error.value)).parent == tmp_path
    assert kept(str(error.value)).read_bytes() == NEW


def test_what_can_be_kept_nowhere_is_said_and_leaves_nothing(path, monkeypatch, full_disk):
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setattr(tempfile, "tempdir", str(path.parent))
    path.write_bytes(OLD)
    with full_disk(1000), pytest.raises(PictureError, match="kept nowhere"):
        places.deliver(path, NEW, force=True)
    assert (names(path.parent), path.read_bytes()) == (["a.png"], OLD)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EACCES, errno.ENOTSUP])
def test_a_drive_without_fsync_gets_its_file(path, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(number, os.strerror(number))))
    places.deliver(path, NEW, force=False)
    assert path.read_bytes() == NEW


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_drive_that_fails_in_the_end_costs_nothing(path, monkeypatch, call):
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(PictureError, match="Input/output error") as error:
        places.deliver(path, NEW, force=False)
    assert kept(str(error.value)).read_bytes() == NEW
    assert len(names(path.parent)) == 1


@pytest.mark.parametrize("other", ["a.png", "./A.PNG", "link.png", "hard.png", "sub/../a.png"])
def test_one_file_under_two_names_is_noticed(tmp_path, path, other):
    path.write_bytes(OLD)
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.png").symlink_to(path)
    (tmp_path / "hard.png").hardlink_to(path)
    with pytest.raises(PictureError, match="are the same file"):
        places.check_apart(tmp_path / other, [tmp_path / "b.png", path])


@pytest.mark.parametrize(
    ("given", "distinct"),
    [
        (["a.png", "b.png"], ["a.png", "b.png"]),
        (["a.png", "A.png", "a.PNG"], ["a.png", "A 2.png", "a 3.PNG"]),
        (["a 2.png", "a.png", "a.png"], ["a 2.png", "a.png", "a 3.png"]),
        (["Ä.png", "A\u0308.png"], ["Ä.png", "A\u0308 2.png"]),
    ],
)
def test_names_are_kept_apart(given, distinct):
    assert places.apart(given) == distinct


def test_what_a_device_does_not_take_is_kept_where_files_are(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(PictureError, match=r"/dev/full cannot be written \(No space left on device\)") as refusal:
        places.deliver(Path("/dev/full"), NEW, force=False)
    assert kept(str(refusal.value)).parent == tmp_path


def test_a_file_larger_than_a_limit_is_refused_before_the_work(path, full_disk):
    with full_disk(100_000):
        places.check_room(path, 100_000)
        with pytest.raises(PictureError, match="a.png cannot be written: it takes about 101 kB, a file may have 100"):
            places.check_room(path, 101_000)


@pytest.fixture
def finished(tmp_path) -> Path:
    """A whole file below the folder that it is for."""
    (tmp_path / "hand-over").mkdir()
    file = tmp_path / "hand-over" / "1"
    file.write_bytes(NEW)
    return file


def test_a_finished_file_is_renamed_and_replaces_nothing_unasked(path, finished):
    number = finished.stat().st_ino
    places.deliver_file(path, finished, force=False)
    assert (path.stat().st_ino, path.read_bytes(), finished.exists()) == (number, NEW, False)
    finished.write_bytes(OLD)
    with pytest.raises(PictureError, match="exists already") as refusal:
        places.deliver_file(path, finished, force=False)
    assert path.read_bytes() == NEW
    assert kept(str(refusal.value)).read_bytes() == OLD
    places.deliver_file(path, finished, force=True)
    assert path.read_bytes() == OLD


def test_a_finished_file_goes_through_a_link_to_another_disk(path, finished, tiny_disk):
    path.symlink_to(tiny_disk / "b.png")
    places.deliver_file(path, finished, force=True)
    assert path.is_symlink()
    assert ((tiny_disk / "b.png").read_bytes(), finished.exists()) == (NEW, False)
