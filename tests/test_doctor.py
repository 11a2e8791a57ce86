"""What the doctor says of a machine, and of engines that are ill."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nst_engine.commands import examination
from nst_engine.errors import ProtocolError

sys.path.insert(0, str(Path(__file__).parents[1] / "gimp_plugin/neural-style"))

from nst_plugin.shared import settings


@pytest.mark.slow
def test_a_sound_engine_passes_the_test():
    assert examination.self_test([sys.executable, "-m", "nst_engine", "worker"]).startswith(
        ("cpu", "cuda", "mps", "xpu")
    )


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import time; time.sleep(600)", "The engine did not answer within 1 seconds."),
        ("import os; os.close(0); os.close(1); import time; time.sleep(600)", "The engine ended without an answer."),
        ("", "The engine ended without an answer."),
        ("print('Welcome!')", 'What was sent is no message: Expected a message, got the text "Welcome!".'),
        ('print(\'{"kind": "error", "code": "x", "message": "No.", "remedy": ""}\')', "No."),
    ],
    ids=["hangs", "closes its pipes", "ends", "babbles", "fails"],
)
def test_an_engine_that_does_not_work_is_a_sentence_and_never_a_long_wait(code, sentence):
    with pytest.raises(ProtocolError) as caught:
        examination.self_test([sys.executable, "-c", code], seconds=1 if "did not" in sentence else 100)
    assert caught.value.message == sentence


def test_the_folder_of_the_logs_is_where_the_plug_in_writes_them():
    assert examination.logs_folder() == Path(settings.log_folders()[0])
