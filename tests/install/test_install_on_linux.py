"""The installer as a whole, from plan to removal. The engine's Python is a stand-in that prints a table of options."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from engine_home import EngineHome
from errors import InstallError
from installation import Installation
from killing import Killed, Killer
from lock import locked
from machine import Machine
from placing import files_below
from plan import Wishes, install_plan, uninstall_plan
from plugin_folder import remote_engine
from record import Record
from steps import InstallPlugin, MakeVenv, PrepareFolders
from uninstall import plugin_folders, sweep

Program = Callable[[str, str], Path]

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALLER = CHECKOUT / "install/install.py"
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
WITHOUT_RIGHTS = ["/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all"] if IS_ROOT else []
"""Root may read and write everything; without these rights permissions are for root, too."""


@pytest.fixture
def installation(linux: Machine, add_program: Program) -> Installation:
    """An installation whose venv is already there."""
    home = EngineHome(linux.home / ".local/share/neural-style")
    installation = Installation(linux, CHECKOUT, home, Record.load(home.record))
    home.folder.mkdir(parents=True)
    installation.record.expect_folders([home.folder])
    installation.record.claim(home.venv)
    home.python.parent.mkdir(parents=True)
    add_program("stand-in", "echo '{}'").rename(home.python)
    return installation


@pytest.fixture
def gimp(linux: Machine) -> Path:
    folder = linux.home / ".config/GIMP/3.0"
    folder.mkdir(parents=True)
    return folder


def run_installer(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/nowhere", "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", **variables}
    command = [*WITHOUT_RIGHTS, sys.executable, str(INSTALLER), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, encoding="utf-8")


def run_in_shell(home: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which ``install`` is the installer."""
    line = f'set -o pipefail; install() {{ "{sys.executable}" "{INSTALLER}" "$@"; }}; {command}'
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(["bash", "-c", line], env=environ, capture_output=True, text=True, encoding="utf-8")


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def install_plugin_only(installation: Installation, gimp: Path) -> Path:
    PrepareFolders(installation.home.folder, [gimp / "plug-ins"]).apply(installation)
    InstallPlugin(gimp).apply(installation)
    return gimp / "plug-ins/neural-style"


def uninstall(installation: Installation) -> None:
    plugins = plugin_folders(installation.record)
    for step in uninstall_plan(installation):
        step.apply(installation)
    sweep(installation, plugins)


def test_a_dry_run_prints_the_plan_and_changes_nothing(home: Path, gimp: Path) -> None:
    before = everything_below(home)
    outcome = run_installer(home, "--dry-run")
    assert outcome.returncode == 0, outcome.stderr
    assert f"Install the plug-in into {gimp / 'plug-ins'}" in outcome.stdout
    assert str(home / ".local/share/neural-style/venv") in outcome.stdout
    assert everything_below(home) == before


def test_without_any_gimp_one_sentence_says_what_to_do(home: Path) -> None:
    outcome = run_installer(home)
    assert outcome.returncode == 1
    assert outcome.stderr.splitlines()[-2] == "ERROR No GIMP 3 that can use the plug-in was found."
    assert outcome.stderr.splitlines()[-1].startswith("TIP Install GIMP 3")
    assert everything_below(home) == []


def test_a_file_where_the_engine_must_go_is_one_sentence(home: Path, gimp: Path) -> None:
    (home / "taken").write_text("")
    outcome = run_installer(home, "--data-folder", str(home / "taken/engine"))
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    assert f"ERROR {home / 'taken/engine'} cannot be read or written (Not a directory)." in outcome.stderr


@pytest.mark.parametrize(
    "command",
    [
        "install --dry-run | head -1",
        "install --dry-run | true",
        "install --help | true",
        "install --uninstall | true",
        "install --dry-run >&-",
        "install --dry-run 2>&-",
        "install --dry-run <&- >&- 2>&-",
        "(ulimit -f 0; install --dry-run >~/full)",
    ],
)
def test_nobody_has_to_listen(home: Path, gimp: Path, command: str) -> None:
    outcome = run_in_shell(home, command)
    assert outcome.returncode == 0
    assert outcome.stderr == ""


@pytest.mark.parametrize("command", ["install --nonsense 2>&-", "install --data-folder '' 2>&-", "install 2>&- >&-"])
def test_an_error_that_nobody_hears_is_still_one(home: Path, command: str) -> None:
    outcome = run_in_shell(home, command)
    assert outcome.returncode in (1, 2)
    assert outcome.stderr == ""


def test_a_folder_in_path_that_may_not_be_read_is_passed_over(home: Path, gimp: Path, tmp_path: Path) -> None:
    private = tmp_path / "root"
    (private / "bin").mkdir(parents=True)
    private.chmod(0)
    outcome = run_installer(home, "--dry-run", PATH=f"{private / 'bin'}:{private}:/nowhere")
    private.chmod(0o700)
    assert outcome.returncode == 0, outcome.stderr
    assert f"Install the plug-in into {gimp / 'plug-ins'}" in outcome.stdout


@pytest.mark.parametrize("locked", ["plug-ins", "."])
def test_a_folder_that_may_not_be_written_is_one_sentence(home: Path, gimp: Path, locked: str) -> None:
    (gimp / "plug-ins").mkdir()
    (gimp / locked).chmod(0o500 if locked == "plug-ins" else 0)
    outcome = run_installer(home)
    (gimp / locked).chmod(0o700)
    assert outcome.returncode == 1
    assert f"ERROR The folder {gimp / 'plug-ins'} cannot be written to (Permission denied)." in outcome.stderr
    assert outcome.stderr.count("\n") == 3


def test_a_plug_in_that_may_not_be_written_to_is_found_before_anything_is_fetched(home: Path, gimp: Path) -> None:
    plugin = gimp / "plug-ins/neural-style"
    plugin.mkdir(parents=True)
    plugin.chmod(0o500)
    outcome = run_installer(home)
    plugin.chmod(0o700)
    assert f"ERROR The folder {plugin} cannot be written to (Permission denied)." in outcome.stderr
    assert "[2/6]" not in outcome.stdout


def test_a_disk_from_which_nothing_may_be_run_is_one_sentence(
    installation: Installation, gimp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noexec = SimpleNamespace(f_flag=os.ST_NOEXEC)
    monkeypatch.setattr(os, "statvfs", lambda path: noexec)
    with pytest.raises(InstallError, match="may not be run, since its disk is mounted so"):
        install_plugin_only(installation, gimp)


@pytest.mark.parametrize("named", ["", "relative", None])
def test_without_home_the_system_is_asked(named: str | None, tmp_path: Path) -> None:
    environ = {"PATH": "/nowhere", **({} if named is None else {"HOME": named})}
    command = [sys.executable, str(INSTALLER), "--dry-run", "--gimp-folder", "3.0"]
    outcome = subprocess.run(command, env=environ, capture_output=True, text=True, cwd=tmp_path)
    import pwd

    assert outcome.returncode == 0, outcome.stderr
    assert f"{pwd.getpwuid(os.getuid()).pw_dir}/.local/share/neural-style" in outcome.stdout


@pytest.mark.parametrize("name", ["cache", "tools", "pythons", "venv", "logs/install.log"])
def test_a_data_folder_with_things_of_the_users_is_refused_before_anything_is_done(
    home: Path, gimp: Path, name: str
) -> None:
    mine = home / "data" / name / "precious"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    outcome = run_installer(home, "--data-folder", str(home / "data"))
    assert outcome.returncode == 1
    assert f"ERROR {home / 'data' / name} exists and was not made by this installer." in outcome.stderr
    run_installer(home, "--uninstall", "--data-folder", str(home / "data"))
    assert mine.read_text() == "mine"


def test_two_installers_do_not_work_in_one_folder(home: Path, gimp: Path) -> None:
    (home / "file").write_text("")
    arguments = ["--data-folder", str(home), "--gimp-folder", str(home / "file")]
    with locked(home):
        outcome = run_installer(home, *arguments)
        assert outcome.returncode == 1
        assert f"ERROR Another installer is at work in {home}." in outcome.stderr
    outcome = run_installer(home, *arguments)
    assert "cannot be written to (Not a directory)" in outcome.stderr
    assert not (home / ".installing").exists()


def test_a_record_that_changed_meanwhile_is_read_again(installation: Installation, gimp: Path) -> None:
    Record.load(installation.home.record).claim(installation.home.tools)
    with pytest.raises(InstallError, match="has changed .* meanwhile"), installation.alone():
        pass


@pytest.mark.skipif(not IS_ROOT, reason="sudo is about being root")
def test_sudo_is_refused_because_it_would_serve_root_only(home: Path, gimp: Path) -> None:
    outcome = run_installer(home, "--dry-run", SUDO_USER="zoe")
    assert outcome.returncode == 1
    assert "TIP Run it without sudo." in outcome.stderr


def test_a_damaged_record_stops_installer_and_removal_alike(home: Path, gimp: Path) -> None:
    record = home / ".local/share/neural-style/install-state.json"
    record.parent.mkdir(parents=True)
    record.write_text("{")
    for argument in ("--dry-run", "--uninstall"):
        outcome = run_installer(home, argument)
        assert outcome.returncode == 1
        assert "is damaged and does not tell what was installed" in outcome.stderr
        assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("words", ["not json", "[]", '{"a": 1}', "[1]"])
def test_an_engine_command_must_be_a_list_of_words(home: Path, words: str) -> None:
    outcome = run_installer(home, "--engine-command", words)
    assert outcome.returncode == 2
    assert "--engine-command" in outcome.stderr.splitlines()[-1]


def test_removing_where_nothing_is_installed_says_so(home: Path) -> None:
    outcome = run_installer(home, "--uninstall")
    assert outcome.returncode == 0
    assert outcome.stdout.startswith("Nothing is installed in")


def test_every_gimp_gets_the_plugin_and_the_engine_comes_first(installation: Installation, gimp: Path) -> None:
    (gimp.parent / "3.2").mkdir()
    plan = install_plan(installation, Wishes(torch_backend="index"))
    names = [type(step).__name__ for step in plan]
    assert names[:4] == ["PrepareFolders", "MakeVenv", "InstallTorch", "InstallEngine"]
    assert names[4:] == ["SelfTest", "InstallPlugin", "InstallPlugin"]


def test_named_folders_replace_the_found_ones(installation: Installation, gimp: Path, tmp_path: Path) -> None:
    plan = install_plan(installation, Wishes(gimp_folders=[tmp_path / "profile"]))
    assert [step.gimp_folder for step in plan if isinstance(step, InstallPlugin)] == [tmp_path / "profile"]


def test_a_remote_engine_is_written_instead_of_the_local_one(installation: Installation, gimp: Path) -> None:
    PrepareFolders(installation.home.folder, [gimp / "plug-ins"]).apply(installation)
    InstallPlugin(gimp, remote_engine("gpu-box")).apply(installation)
    engines = json.loads((gimp / "plug-ins/neural-style/engine.json").read_text())["engines"]
    assert engines == [{"name": "gpu-box", "host": "gpu-box"}]


def test_installing_twice_leaves_the_same_files_and_record(installation: Installation, gimp: Path) -> None:
    install_plugin_only(installation, gimp)
    files, record = everything_below(gimp), installation.home.record.read_text(encoding="utf-8")
    install_plugin_only(installation, gimp)
    assert everything_below(gimp) == files
    assert installation.home.record.read_text(encoding="utf-8") == record


def test_removing_leaves_nothing_behind(installation: Installation, gimp: Path) -> None:
    plugin = install_plugin_only(installation, gimp)
    (plugin / "nst_plugin/__pycache__").mkdir()
    uninstall(installation)
    assert list(gimp.iterdir()) == []
    assert not installation.home.folder.exists()
    assert installation.notes == []


def test_gimp_2_10_gets_its_own_plugin_and_loses_it_again(installation: Installation, gimp: Path) -> None:
    folder = gimp.parent / "2.10"
    PrepareFolders(installation.home.folder, [folder / "plug-ins"]).apply(installation)
    InstallPlugin(folder).apply(installation)
    plugin = folder / "plug-ins/neural_style_210"
    assert (plugin / "neural_style_210.py").is_file()
    (plugin / "nst_plugin/shared/frames.pyc").write_bytes(b"")  # as Python 2.7 leaves it
    uninstall(installation)
    assert not folder.exists()
    assert installation.notes == []


def test_an_installation_that_is_stopped_anywhere_can_be_removed(
    killer: Killer, installation: Installation, gimp: Path
) -> None:
    killed = True
    step = 0
    while killed:
        step += 7  # each is tried for the files alone
        killed = stopped_at(step, killer, installation, gimp)
        again = reopened(installation)
        with again.alone():
            uninstall(again)
        sweep(again, [])
        assert everything_below(gimp) == []
        assert list(files_below(installation.home.folder)) == []
    assert step > 100


def stopped_at(step: int, killer: Killer, installation: Installation, gimp: Path) -> bool:
    fresh = reopened(installation)
    killer.left = step
    try:
        with fresh.alone():
            fresh.record.claim(fresh.home.venv)
            install_plugin_only(fresh, gimp)
    except Killed:
        return True
    finally:
        killer.left = None
    return False


def reopened(installation: Installation) -> Installation:
    home = installation.home
    return Installation(installation.machine, CHECKOUT, home, Record.load(home.record))


def test_a_plug_in_that_was_only_begun_is_removed(installation: Installation, gimp: Path) -> None:
    begun = gimp / "plug-ins/.neural-style.installing"
    installation.record.make_folder(gimp / "plug-ins")
    installation.record.claim(begun)
    (begun / "nst_plugin").mkdir(parents=True)
    uninstall(installation)
    assert everything_below(gimp) == []


def test_removing_leaves_foreign_and_changed_files_and_names_them(installation: Installation, gimp: Path) -> None:
    plugin = install_plugin_only(installation, gimp)
    (plugin / "notes.txt").write_text("mine")
    (plugin / "engine.json").write_text("changed")
    uninstall(installation)
    assert sorted(path.name for path in plugin.iterdir()) == ["engine.json", "notes.txt"]
    assert installation.notes == [
        f"Left in place, since the installer did not write it: {plugin / 'engine.json'}, {plugin / 'notes.txt'}."
    ]


def test_removing_leaves_what_the_engine_keeps_in_the_same_folder_and_says_so_in_one_line(
    installation: Installation, gimp: Path
) -> None:
    install_plugin_only(installation, gimp)
    networks = installation.home.folder / "networks"
    networks.mkdir()
    for number in range(500):
        (networks / f"{number:03}.safetensors").write_text("")
    uninstall(installation)
    assert len(list(networks.iterdir())) == 500
    assert os.listdir(installation.home.folder) == ["networks"]
    (note,) = installation.notes
    assert note.endswith("002.safetensors and 497 more.")
    assert len(note) < 500


def test_a_venv_that_was_moved_and_linked_is_left(installation: Installation, gimp: Path, tmp_path: Path) -> None:
    install_plugin_only(installation, gimp)
    installation.home.venv.rename(tmp_path / "big disk")
    installation.home.venv.symlink_to(tmp_path / "big disk", target_is_directory=True)
    uninstall(installation)
    assert (tmp_path / "big disk/bin/python").exists()
    assert installation.home.venv.is_symlink()


def test_a_venv_that_somebody_else_made_is_not_touched(linux: Machine) -> None:
    home = EngineHome(linux.home / "mine")
    (home.venv / "precious").mkdir(parents=True)
    with pytest.raises(InstallError, match="was not made by this installer"):
        MakeVenv(home.venv, None).apply(Installation(linux, CHECKOUT, home, Record.load(home.record)))
    assert (home.venv / "precious").exists()
