"""Every way to go wrong ends in one sentence on stderr, where a window would show it, and in an image as it was."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import pytest
from plug_in_210 import ENGINES, PlugIn

BAD_REQUESTS = {
    "no style": "There is no style yet: choose a style layer or a style file.",
    "itself": "The style layer is the layer to be painted: choose another one.",
    "its group": "The layer to be painted is in the style group: move it out of the group.",
    "empty group": 'No layer of the style group "empty" is visible: make one visible.',
    "mask": "A mask or channel is selected: select the layer itself.",
    "channel": "A mask or channel is selected: select the layer itself.",
    "floating": "The selected layer floats: choose Layer > Anchor or Layer > To New Layer first.",
    "selected elsewhere": "Nothing of the layer is selected: select a part of it, or choose Select > None.",
    "indexed": "An image with a palette cannot take the new colors: choose Image > Mode > RGB first.",
    "no file": "There is no style file /nowhere/Stöl.png: choose another one.",
    "no picture": "GIMP cannot open the style file /etc/passwd as a picture: choose another one.",
}

REQUESTS = """
import sys

def refuse(name, *arguments, **options):
    sys.stderr.write("REQUEST %s\\n" % name)
    tell(**{name: stylize(*arguments, **options)})

image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
photo = add_quadrants(image)
mask = style.create_mask(gimpfu.ADD_WHITE_MASK)
style.add_mask(mask)
channel = pdb.gimp_channel_new(image, 100, 80, "channel", 50, (255, 0, 0))
pdb.gimp_image_insert_channel(image, channel, None, 0)
empty, group = gimp.GroupLayer(image, "empty"), gimp.GroupLayer(image, "group")
pdb.gimp_image_insert_layer(image, empty, None, 0)
pdb.gimp_image_insert_layer(image, group, None, 0)
member = add_layer(image, "member", 0, 0, 20, 20, CYAN, group)
before = quadrant_pixels(photo)
refuse("no style", image, photo)
refuse("itself", image, photo, photo)
refuse("its group", image, member, group)
refuse("empty group", image, photo, empty)
refuse("mask", image, mask, style)
refuse("channel", image, channel, style)
refuse("no file", image, photo, None, "/nowhere/Stöl.png")
refuse("no picture", image, photo, None, "/etc/passwd")
pdb.gimp_image_select_rectangle(image, gimpfu.CHANNEL_OP_REPLACE, 0, 0, 5, 5)
refuse("selected elsewhere", image, photo, style)
pdb.gimp_selection_all(image)
pdb.gimp_edit_copy(photo)
floating = pdb.gimp_edit_paste(photo, False)
refuse("floating", image, floating, style)
pdb.gimp_image_remove_layer(image, floating)
pdb.gimp_selection_none(image)
tell(untouched=before == quadrant_pixels(photo))
for layer in (group, empty):
    image.remove_layer(layer)
pdb.gimp_image_convert_indexed(image, gimpfu.NO_DITHER, gimpfu.WEB_PALETTE, 0, False, False, "")
refuse("indexed", image, photo, style)
sys.stderr.write("REQUEST\\n")
tell(names=names(image), images=len(gimp.image_list()))
"""

LOG = r"; its log may tell why: /root/\.local/state/neural-style/engine-\d{8}-\d{6}-\w+\.log"
MEND = ': run "python3 install/install.py" to mend its installation'
BROKEN_ENGINES = {
    "pipe.greet(); pipe.receive_job(); send_raw(HALF_A_RESULT); die()": (
        "The engine was killed, as happens when memory runs out: close other programs, or choose a smaller size\\."
    ),
    "import module_that_was_deleted": (
        r"The engine did not start \(it said: ModuleNotFoundError: No module named 'module_that_was_deleted'\)"
        + MEND
        + LOG.replace("why", "more")
    ),
    "print('Welcome to gpu-box!', flush=True); sys.stdin.read()": (
        "The engine sent something that is no message" + MEND + LOG
    ),
    "pipe.greet(); sys.exit(1)": "The engine stopped before it was done: try again\\.",
    "pipe.greet(); job = pipe.receive_job(); picture = pipe.painted(job); take_the_memory();"
    "pipe.send({'kind': 'result', 'used': {}}, {'picture': picture}); pipe.receive()": (
        "There is too little memory for this picture: close other programs and images, or paint a smaller part\\."
    ),
}
NOT_INSTALLED = (
    "The engine of Neural Style is not installed. "
    'Run "python3 install/install.py" in the folder of Neural Style for GIMP, then try again.'
)

ONE_RUN = """
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
photo = add_quadrants(image)
tell(answer=stylize(image, photo, style), names=names(image), home=os.path.expanduser("~"))
"""


@pytest.fixture(scope="module")
def refused(installed_plug_in: PlugIn) -> dict[str, Any]:
    """What came of all requests, and under each one's name what GIMP printed meanwhile."""
    installed_plug_in.use("answers")
    facts = installed_plug_in.facts(REQUESTS)
    parts = [part.partition("\n") for part in facts["stderr"].split("REQUEST ")]
    return {**facts, "printed": {name: printed for name, _, printed in parts}}


@pytest.mark.parametrize("request_name", BAD_REQUESTS)
def test_a_bad_request_is_refused_in_a_sentence(refused: dict[str, Any], request_name: str) -> None:
    assert refused[request_name] is None
    assert f"Neural Style-Warning: {BAD_REQUESTS[request_name]}\n" in refused["printed"][request_name]
    assert "Traceback" not in refused["printed"][request_name]


def test_refusals_leave_everything_as_it_was(refused: dict[str, Any]) -> None:
    assert refused["untouched"]
    assert refused["names"] == ["photo", "painting"]
    assert refused["images"] == 1


@pytest.mark.parametrize("engine", BROKEN_ENGINES)
def test_a_broken_engine_is_explained(installed_plug_in: PlugIn, engine: str) -> None:
    installed_plug_in.use_command([sys.executable, str(ENGINES / "fails.py"), engine])
    large = "photo = add_layer(image, 'photo', 0, 0, 2600, 2000, RED)"
    needs_memory = "take_the_memory" in engine
    facts = installed_plug_in.facts(ONE_RUN.replace("photo = add_quadrants(image)", large) if needs_memory else ONE_RUN)
    assert (facts["answer"], facts["names"]) == (None, ["photo", "painting"])
    assert re.search(f"Neural Style-Warning: {BROKEN_ENGINES[engine]}\n", facts["stderr"])
    assert "Traceback" not in facts["stderr"]


@pytest.mark.parametrize(("language", "shown"), [("C", "h?m?"), ("C.UTF-8", "hömé")])
def test_a_home_beyond_ascii_is_told(installed_plug_in: PlugIn, language: str, shown: str) -> None:
    """By GIMP itself, in whatever letters the terminal has."""
    installed_plug_in.use("exits")
    home = installed_plug_in.profile / "hömé"
    home.mkdir(exist_ok=True)
    facts = installed_plug_in.facts(ONE_RUN, HOME=installed_plug_in.gimp.inside(home), LANG=language)
    newest = max((home / ".local/state/neural-style").glob("engine-*.log"), key=os.path.getmtime)
    told = installed_plug_in.gimp.inside(newest).replace("hömé", shown)
    assert f"its log may tell more: {told}\n" in facts["stderr"]
    assert "No module named 'torch'" in newest.read_text()


def test_a_missing_engine_is_explained(plug_in: PlugIn) -> None:
    (plug_in.folder / "engine.json").unlink()
    facts = plug_in.facts(ONE_RUN)
    assert (facts["answer"], facts["names"]) == (None, ["photo", "painting"])
    assert f"Neural Style-Warning: {NOT_INSTALLED}\n" in facts["stderr"]


def test_sentences_and_names_are_in_the_user_s_language(plug_in: PlugIn) -> None:
    facts = plug_in.facts(
        """
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
photo = add_quadrants(image, "Köln")
tell(answer=stylize(image, photo, photo), name=stylize(image, photo, style).name)
""",
        LANGUAGE="de",
    )
    assert facts["name"] == "Köln im Stil von painting"
    assert "Die Stilebene ist die zu malende Ebene: Wählen Sie eine andere.\n" in facts["stderr"]


def test_only_the_entry_is_taken_for_a_plug_in(plug_in: PlugIn) -> None:
    outcome = plug_in.gimp.console(plug_in.profile, "pass")
    known = (plug_in.profile / "pluginrc").read_text(errors="replace")
    ours = [line.split('"')[1] for line in known.splitlines() if "/neural_style_210/" in line]
    assert ours == ["${gimp_dir}/plug-ins/neural_style_210/neural_style_210.py"], outcome.stderr
