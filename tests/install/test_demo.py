"""The demonstration that the README begins with."""

from __future__ import annotations

from pathlib import Path

import demo


def test_no_picture_is_written_over_another(tmp_path: Path) -> None:
    assert demo.unused(tmp_path / "result.png") == tmp_path / "result.png"
    (tmp_path / "result.png").touch()
    (tmp_path / "result-2.png").symlink_to("nowhere")
    assert demo.unused(tmp_path / "result.png") == tmp_path / "result-3.png"
