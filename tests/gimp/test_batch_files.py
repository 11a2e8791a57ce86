"""The batch scripts and what files are like: turned, see-through, gray, animated, oddly named, there already."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import struct
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import picture_files
import pytest
from console import without_noise
from PIL import Image, ImageChops, ImageOps, ImageStat
from plug_in import CHECKOUT, HERE, PlugIn
from real_gimp import PYTHON_FU, SCRIPT_FU

SCRIPTS = CHECKOUT / "gimp_plugin/batch"
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
ORIENTATION = 0x112
TURNED = {f"turned-{orientation}.png": orientation for orientation in (2, 5, 6)}


@dataclass(frozen=True)
class Call:
    """A call of one of the scripts' two functions."""

    content: str
    output: str
    is_folder: bool = False
    force: bool = False

    def python(self) -> str:
        function = "stylize_folder" if self.is_folder else "stylize"
        return f"{function}({self.content!r}, 'painting.jpg', {self.output!r}, force={self.force})"

    def script(self) -> str:
        function = "stylize-folder" if self.is_folder else "stylize-file"
        names = " ".join(json.dumps(name, ensure_ascii=False) for name in (self.content, "painting.jpg", self.output))
        return f"({function} {names}{' FORCE' if self.force else ''})"


CALLS = {
    **{name: Call(name, f"out/{name}") for name in TURNED},
    "half": Call("half.png", "out/half.png"),
    "hidden": Call("half.png", "out/half.jpg"),
    "palette": Call("palette.gif", "out/palette.gif"),
    "gray": Call("gray.jpg", "out/gray.jpg"),
    "animated": Call("animated.gif", "out/animated.png"),
    "pages": Call("pages.tif", "out/pages.png"),
    "icon": Call("icon.ico", "out/icon.png"),
    "part.png": Call("part.png", "out/part.png"),
    "part.tif": Call("part.tif", "out/part.tif"),
    "jfif": Call("photo.jfif", "out/photo.jfif"),
    "itself": Call("photo.jpg", "photo.jpg"),
    "unknown format": Call("photo.jpg", "out/photo.xyz"),
    "no folder": Call("photo.jpg", "nowhere/photo.jpg"),
    "no file": Call("nothing.jpg", "out/nothing.jpg"),
    "no picture": Call("trip [2024]/notes.txt", "out/notes.jpg"),
    "asked for": Call("photo.jpg", "replaced.jpg", force=True),
    "brackets": Call("trip [2024]/*.jpg", "out/trip", is_folder=True),
    "onto itself": Call("trip [2024]/*.jpg", "trip [2024]", is_folder=True),
    "link": Call("link.png", "out/link.png"),
    "links": Call("links", "out/links", is_folder=True),
    "link to nothing": Call("photo.jpg", "nothing.png"),
    "whole": Call("trip [2024]", "out/whole", is_folder=True),
    "folder": Call("photo.jpg", "out", force=True),
    "long name": Call("photo.jpg", f"out/{'n' * 250}.png"),
    "odd name": Call("photo.jpg", "out/two\nlines.png"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small pictures as phones, cameras and programs write them."""
    folder = tmp_path_factory.mktemp("files")
    photo = Image.new("RGB", (32, 24), RED)
    photo.paste(GREEN, (0, 0, 16, 8))
    for name, orientation in TURNED.items():
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        photo.save(folder / name, exif=exif)
    values = np.asarray(photo)
    (folder / "part.png").write_bytes(picture_files.png(values, oFFs=struct.pack(">2iB", 20, 10, 0)))
    dots = {0x011A: (5, [72, 1]), 0x011B: (5, [72, 1]), 0x0128: (3, [2])}
    page = {0x011E: (5, [20, 72]), 0x011F: (5, [10, 72])}
    (folder / "part.tif").write_bytes(picture_files.tiff(values, fields={**dots, **page}))
    half = photo.convert("RGBA")
    half.putalpha(128)
    half.save(folder / "half.png")
    photo.quantize(4).save(folder / "palette.gif")
    Image.new("L", (32, 24), 200).save(folder / "gray.jpg")
    sizes = [Image.new("RGB", (side, side), color) for side, color in ((64, GREEN), (32, RED), (16, BLUE))]
    sizes[0].save(folder / "icon.ico", sizes=[each.size for each in sizes], append_images=sizes[1:])
    frames = [Image.new("RGB", (32, 24), color) for color in (GREEN, RED, BLUE)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "pages.tif", save_all=True, append_images=[frames[1], Image.new("RGB", (40, 30), BLUE)])
    trip, cameras = folder / "trip [2024]", [folder / "cameras" / name for name in ("100CAM", "101CAM")]
    for place in (folder / "out", trip, *cameras):
        place.mkdir(parents=True)
    names = [folder / name for name in ("photo.jpg", "replaced.jpg", "photo.jfif", "painting.jpg")]
    for path in [*names, trip / "A.JPG", trip / "b.jpg", *(place / "IMG_1.jpg" for place in cameras)]:
        photo.save(path, "JPEG")
    (folder / "link.png").symlink_to("half.png")
    (folder / "links").symlink_to("cameras/100CAM")
    (folder / "nothing.png").symlink_to("nowhere.png")
    (trip / "._b.jpg").write_bytes(b"\0\5\x16\7" * 9)
    (trip / "notes.txt").write_text("no picture")
    return folder


@dataclass(frozen=True)
class Run:
    """What a script left of its calls: files, and by the call's name what it said on stderr."""

    folder: Path
    said: dict[str, str]

    def picture(self, name: str) -> Image.Image:
        """A painted file with the stand-in's exchange of red and blue undone."""
        with Image.open(self.folder / name) as picture:
            red, green, blue, *alpha = picture.convert("RGBA").split()
            return Image.merge("RGBA", (blue, green, red, *alpha))


@pytest.fixture(scope="module", params=[PYTHON_FU, SCRIPT_FU])
def run(request: pytest.FixtureRequest, installed_plug_in: PlugIn, files: Path) -> Iterator[Run]:
    """All calls, one after another in one GIMP."""
    installed_plug_in.use("answers")
    with in_gimp(installed_plug_in, files) as folder:
        yield Run(folder, called(installed_plug_in, folder, request.param, CALLS))


@contextlib.contextmanager
def in_gimp(plug_in: PlugIn, files: Path) -> Iterator[Path]:
    """A copy of the files, and the scripts, where GIMP sees them."""
    folder = Path(tempfile.mkdtemp(prefix="files-", dir=plug_in.gimp.outside("/tmp")))
    shutil.copytree(files, folder, symlinks=True, dirs_exist_ok=True)
    shutil.copytree(SCRIPTS, folder, dirs_exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


PYTHON_CALL = """
print("CALL {name}", file=sys.stderr, flush=True)
try:
    {call}
except ValueError as problem:
    print(problem, file=sys.stderr, flush=True)
"""
SCRIPT_CALL = '(gimp-message "CALL {name}") (catch #f {call})\n'


def called(plug_in: PlugIn, folder: Path, interpreter: str, calls: dict[str, Call]) -> dict[str, str]:
    """Run the calls, with the folder as the working folder, and return what was said on stderr during each."""
    if interpreter == PYTHON_FU:
        body = "".join(PYTHON_CALL.format(name=name, call=call.python()) for name, call in calls.items())
        code = f"exec(open('stylize.py').read())\n{body}"
        batch = "exec(open('calls').read())"
    else:
        body = "".join(SCRIPT_CALL.format(name=name, call=call.script()) for name, call in calls.items())
        code, batch = f'(load "stylize.scm")\n{body}', '(load "calls")'
    (folder / "calls").write_text(code)
    argv = ["gimp-console", "-idf", "--quit", f"--batch-interpreter={interpreter}", "-b", batch]
    environment = {"GIMP3_DIRECTORY": plug_in.gimp.inside(plug_in.profile)}
    there = ["env", f"--chdir={plug_in.gimp.inside(folder)}"]
    process = plug_in.gimp.run([*there, *argv], environment, timeout=400)
    assert process.returncode == 0, process.stderr
    assert "Traceback" not in process.stderr
    parts = re.findall(r"CALL (.*)\n((?:(?!.*CALL ).*\n?)*)", without_noise(process.stderr) + "\n")
    return {name: said.strip() for name, said in parts}


def difference(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of two pictures, but for the first pixel, which the stand-in takes from the style."""
    found = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    found.putpixel((0, 0), (0, 0, 0))
    return max(high for _low, high in found.getextrema())  # type: ignore[misc]


def mean(picture: Image.Image) -> list[int]:
    return [round(value) for value in ImageStat.Stat(picture).mean]


@pytest.mark.parametrize("name", TURNED)
def test_a_photo_is_painted_upright_however_the_camera_was_held(run: Run, files: Path, name: str) -> None:
    with Image.open(files / name) as photo, Image.open(run.folder / "out" / name) as result:
        upright = ImageOps.exif_transpose(photo)
        assert result.size == upright.size
        assert result.getexif().get(ORIENTATION, 1) == 1
    assert difference(run.picture(f"out/{name}"), upright) == 0
    assert run.said[name] == ""


def test_what_is_half_transparent_stays_so(run: Run, files: Path) -> None:
    assert run.picture("out/half.png").crop((1, 1, 32, 24)).getextrema()[3] == (128, 128)
    with Image.open(files / "half.png") as photo:
        assert difference(run.picture("out/half.png"), photo) <= 1


def test_a_format_without_transparency_shows_white_through_it(run: Run) -> None:
    half_in_linear_light = 188
    assert run.picture("out/half.jpg").getpixel((28, 20))[:3] == pytest.approx(
        [255, *2 * [half_in_linear_light]], abs=5
    )


@pytest.mark.parametrize(("name", "word"), [("palette.gif", "palette"), ("gray.jpg", "gray")])
def test_a_picture_without_all_colors_is_painted_in_colors_and_that_is_said(
    run: Run, files: Path, name: str, word: str
) -> None:
    assert word in run.said[name.partition(".")[0]]
    assert "painted in colors" in run.said[name.partition(".")[0]]
    with Image.open(run.folder / "out" / name) as result, Image.open(files / name) as photo:
        assert result.format == photo.format
        assert result.mode != "L"
        assert mean(run.picture(f"out/{name}").convert("RGB")) == pytest.approx(mean(photo.convert("RGB")), abs=4)


@pytest.mark.parametrize("name", ["animated", "pages"])
def test_of_several_frames_the_first_is_painted_and_that_is_said(run: Run, name: str) -> None:
    assert "has 3 frames or pages: the first one is painted." in run.said[name]
    assert run.picture(f"out/{name}.png").size == (32, 24)
    assert mean(run.picture(f"out/{name}.png"))[1] > 250


def test_of_an_icon_the_largest_size_is_painted(run: Run) -> None:
    assert run.said["icon"] == ""
    assert run.picture("out/icon.png").size == (64, 64)
    assert mean(run.picture("out/icon.png"))[1] > 250


@pytest.mark.parametrize("name", ["part.png", "part.tif"])
def test_what_a_file_calls_a_part_of_a_page_is_painted_by_itself_and_whole(run: Run, files: Path, name: str) -> None:
    with Image.open(files / name) as photo:
        assert run.picture(f"out/{name}").size == photo.size
        assert difference(run.picture(f"out/{name}"), photo) == 0
    assert "frames or pages" not in run.said[name]


def test_a_jpeg_keeps_the_name_that_it_has(run: Run) -> None:
    assert (run.folder / "out/photo.jfif").read_bytes().startswith(b"\xff\xd8")


REFUSED = {
    "itself": "photo.jpg is there already: give another name, or",
    "unknown format": "out/photo.xyz cannot be saved",
    "no folder": "nowhere/photo.jpg cannot be saved",
    "no file": "There is no file nothing.jpg.",
    "no picture": "trip [2024]/notes.txt cannot be opened as a picture.",
    "onto itself": "trip [2024]/b.jpg is there already",
    "folder": "out is a folder: give the name of a file.",
    "link to nothing": "nothing.png is there already: give another name, or",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_said(run: Run, name: str) -> None:
    assert REFUSED[name] in run.said[name]


def test_nothing_is_replaced_unless_it_is_asked_for(run: Run, files: Path) -> None:
    kept = ["photo.jpg", "painting.jpg", "half.png", "trip [2024]/A.JPG", "trip [2024]/b.jpg", "trip [2024]/notes.txt"]
    assert [(run.folder / name).read_bytes() for name in kept] == [(files / name).read_bytes() for name in kept]
    assert (run.folder / "replaced.jpg").read_bytes() != (files / "replaced.jpg").read_bytes()
    assert mean(run.picture("replaced.jpg"))[0] > 150


def test_the_pictures_of_a_folder_are_found_whatever_its_name(run: Run) -> None:
    assert sorted(path.name for path in (run.folder / "out/trip").iterdir()) == ["A.JPG", "b.jpg"]
    assert run.said["brackets"] == ""


def test_where_a_link_leads_is_a_file_or_a_folder(run: Run, files: Path) -> None:
    with Image.open(files / "half.png") as photo:
        assert difference(run.picture("out/link.png"), photo) <= 1
    assert [path.name for path in (run.folder / "out/links").iterdir()] == ["IMG_1.jpg"]
    assert run.said["link"] == run.said["links"] == ""


def test_of_a_whole_folder_what_is_no_picture_by_its_name_is_left_out_and_said(run: Run) -> None:
    assert sorted(path.name for path in (run.folder / "out/whole").iterdir()) == ["A.JPG", "b.jpg"]
    assert run.said["whole"].endswith("trip [2024]/notes.txt is left out: no picture is so called.")


def test_nothing_else_is_left_in_the_folders(run: Run, files: Path) -> None:
    painted = {call.output for call in CALLS.values()}
    painted |= {"out/links/IMG_1.jpg"} | {
        f"out/{folder}/{name}" for folder in ("trip", "whole") for name in ("A.JPG", "b.jpg")
    }
    there = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*")}
    before = {str(path.relative_to(files)) for path in files.rglob("*")}
    assert there - before - painted == {"calls", "stylize.py", "stylize.scm"}


def test_names_of_any_length_and_letters_are_saved_and_shown_in_one_line(run: Run) -> None:
    assert (run.folder / CALLS["long name"].output).read_bytes().startswith(b"\x89PNG")
    assert (run.folder / CALLS["odd name"].output).read_bytes().startswith(b"\x89PNG")
    assert run.said["long name"] == run.said["odd name"] == ""


def test_pictures_of_several_folders_do_not_meet(plug_in: PlugIn, files: Path) -> None:
    calls = {name: Call(name, f"out/{name[:4]}", is_folder=True) for name in ("cameras/*/*.jpg", "[20]/*/[1] *.jpg")}
    with in_gimp(plug_in, files) as folder:
        shutil.copytree(folder / "cameras", folder / "[20]")
        (folder / "cameras/notes.jpg").write_text("a file among folders")
        (folder / "[20]/101CAM/IMG_1.jpg").rename(folder / "[20]/101CAM/[1] a.jpg")
        assert called(plug_in, folder, PYTHON_FU, calls) == dict.fromkeys(calls, "")
        found = sorted(str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*.jpg"))
    assert found == ["[20]/[1] a.jpg", "came/100CAM/IMG_1.jpg", "came/101CAM/IMG_1.jpg"]


@pytest.mark.parametrize("interpreter", [PYTHON_FU, SCRIPT_FU])
def test_a_painted_picture_whose_folder_is_gone_is_saved_elsewhere(
    installed_plug_in: PlugIn, files: Path, interpreter: str
) -> None:
    with in_gimp(installed_plug_in, files) as folder:
        engine = (
            f"pipe.greet(); job = pipe.receive_job(); os.rename({str(folder / 'out')!r}, {str(folder / 'gone')!r});"
            "pipe.send({'kind': 'result', 'used': {}}, {'picture': pipe.painted(job)}); pipe.receive()"
        )
        installed_plug_in.use_command([sys.executable, str(HERE / "engines/fails.py"), engine])
        said = called(installed_plug_in, folder, interpreter, {"gone": Call("photo.jpg", "out/photo.png")})["gone"]
        assert "out/photo.png cannot be saved" in said
        refuge = installed_plug_in.gimp.outside(re.findall(r"The painted picture is (\S+)\.", said)[0])
        assert refuge.read_bytes().startswith(b"\x89PNG")
        refuge.unlink()


@pytest.mark.parametrize(
    ("interpreter", "names", "told"),
    [
        (PYTHON_FU, ["a.jpg", "caf\udce9.jpg"], ""),
        (SCRIPT_FU, ["a.jpg"], "A file in cameras/ is left out: its name is not in UTF-8."),
    ],
)
def test_a_name_that_is_not_in_utf_8_stops_no_folder(
    plug_in: PlugIn, files: Path, interpreter: str, names: list[str], told: str
) -> None:
    with in_gimp(plug_in, files) as folder:
        for name in ("a.jpg", "caf\udce9.jpg"):
            shutil.copy(folder / "photo.jpg", folder / "cameras" / name)
        said = called(plug_in, folder, interpreter, {"all": Call("cameras", "out/all", is_folder=True)})["all"]
        assert told in said
        assert sorted(path.name for path in (folder / "out/all").iterdir()) == names


@pytest.mark.parametrize("interpreter", [PYTHON_FU, SCRIPT_FU])
def test_through_a_link_the_file_is_replaced_that_it_leads_to(plug_in: PlugIn, files: Path, interpreter: str) -> None:
    with in_gimp(plug_in, files) as folder:
        (folder / "link.jpg").symlink_to("replaced.jpg")
        calls = {"kept": Call("photo.jpg", "link.jpg"), "asked for": Call("photo.jpg", "link.jpg", force=True)}
        said = called(plug_in, folder, interpreter, calls)
        assert "is there already" in said["kept"]
        assert said["asked for"] == ""
        assert (folder / "link.jpg").is_symlink()
        assert (folder / "replaced.jpg").read_bytes() != (files / "replaced.jpg").read_bytes()


@pytest.mark.parametrize("interpreter", [PYTHON_FU, SCRIPT_FU])
def test_a_selection_that_a_file_of_gimp_s_brings_along_narrows_nothing(
    plug_in: PlugIn, files: Path, interpreter: str
) -> None:
    with in_gimp(plug_in, files) as folder:
        plug_in.run(f"""
image = new_image()
add_layer(image, "photo", 0, 0, 100, 80, RED)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 20, 20)
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file({plug_in.gimp.inside(folder / "drawing.xcf")!r}), None)
""")
        assert called(plug_in, folder, interpreter, {"all": Call("drawing.xcf", "out/drawing.png")}) == {"all": ""}
        with Image.open(folder / "out/drawing.png") as result:
            assert result.convert("RGBA").getextrema()[3] == (255, 255)
