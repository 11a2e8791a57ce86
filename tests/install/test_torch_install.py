"""torch counts as installed when it has computed. The venv's Python and uv are stand-ins that keep notes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_home import EngineHome
from errors import InstallError
from installation import Installation
from machine import Machine
from torch_install import has_good_torch, install_torch

Program = Callable[[str, str], Path]

PYTHON = """
case "$*" in
*"-m pip install torch torchvision") echo index > "{venv}/build"; touch "{venv}/torchvision" ;;
*import*torch*best) cat "{venv}/best-$(cat "{venv}/build")" ;;
*import*torch*cpu) cat "{venv}/cpu-$(cat "{venv}/build")" ;;
*metadata*torchvision*) test -e "{venv}/torchvision" ;;
*) exec "{real}" "$@" ;;
esac
"""
UV = """
test "$1" = --version && exec echo "uv 0.9.1"
for word; do
  test "$previous" = --torch-backend && build=$word
  previous=$word
done
echo $build >> "{venv}/tried"
{answer}
case "$*" in *"--reinstall-package torch --reinstall-package torchvision torch torchvision") ;; *) exit 3 ;; esac
echo $build > "{venv}/build"
"""


@pytest.fixture
def installation(linux: Machine, add_program: Program) -> Installation:
    home = EngineHome(linux.home / "engine")
    home.python.parent.mkdir(parents=True)
    stand_in = add_program("stand-in", PYTHON.format(venv=home.venv, real=sys.executable))
    stand_in.rename(home.python)
    return Installation(linux, linux.home, home)


def computes(installation: Installation, build: str, device: str, asked: str = "best") -> None:
    answer = json.dumps({"device": device, "name": device, "version": "2.0"})
    (installation.home.venv / f"{asked}-{build}").write_text(answer)


def test_a_build_that_computes_on_its_card_is_taken(installation: Installation, add_program: Program) -> None:
    add_program("uv", UV.format(venv=installation.home.venv, answer=""))
    computes(installation, "cu130", "cuda")
    assert install_torch(installation, "cu130").device == "cuda"
    assert installation.notes == []


def test_a_build_without_kernels_for_the_card_gives_way_to_an_older_one(
    installation: Installation, add_program: Program
) -> None:
    add_program("uv", UV.format(venv=installation.home.venv, answer=""))
    computes(installation, "cu126", "cuda")
    assert install_torch(installation, "cu130").device == "cuda"
    assert (installation.home.venv / "tried").read_text().split() == ["cu130", "cu128", "cu126"]


def test_a_card_that_no_build_can_use_leaves_the_processor_and_a_note(
    installation: Installation, add_program: Program
) -> None:
    add_program("uv", UV.format(venv=installation.home.venv, answer=""))
    computes(installation, "cpu", "cpu")
    assert install_torch(installation, "cu126").device == "cpu"
    assert installation.notes == ["torch cannot use the graphics card here; the engine will use cpu."]


def test_where_no_special_index_answers_pip_takes_the_plain_one(
    installation: Installation, add_program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    add_program("uv", UV.format(venv=installation.home.venv, answer="echo 'error: Request failed'; exit 2"))
    computes(installation, "index", "cpu")
    assert install_torch(installation, "cpu").device == "cpu"
    assert "Installing torch failed: error: Request failed" in capsys.readouterr().out


def test_the_plain_index_is_asked_directly_when_wished(installation: Installation) -> None:
    computes(installation, "index", "cuda")
    assert install_torch(installation, "index").device == "cuda"


def test_a_plain_build_that_fails_on_the_card_still_serves_the_processor(installation: Installation) -> None:
    computes(installation, "index", "cpu", asked="cpu")
    assert install_torch(installation, "index").device == "cpu"


def test_a_torch_that_computes_nowhere_is_an_error(installation: Installation) -> None:
    with pytest.raises(InstallError, match="cannot compute a single convolution"):
        install_torch(installation, "index")


def test_a_torch_that_still_computes_is_kept_for_the_same_wish_only(installation: Installation) -> None:
    computes(installation, "index", "cpu")
    install_torch(installation, "index")
    installation.record.torch_backend = "index"
    assert has_good_torch(installation, "index")
    assert not has_good_torch(installation, "cu128")
    (installation.home.venv / "torchvision").unlink()
    assert not has_good_torch(installation, "index")
