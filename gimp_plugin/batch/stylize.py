"""Stylize picture files from the command line, with GIMP's Python-Fu. One file:

gimp-console -idf --quit --batch-interpreter=python-fu-eval \\
    -b "exec(open('stylize.py').read()); stylize('photo.jpg', 'painting.jpg', 'result.png', size=1024)"

All files of a folder, or those that fit a pattern such as 'photos/*.jpg', into another folder:

gimp-console -idf --quit --batch-interpreter=python-fu-eval \\
    -b "exec(open('stylize.py').read()); stylize_folder('photos', 'painting.jpg', 'painted', size=1024)"

In place of a file, None and painting='great-wave' take the style of a painting that came with the plug-in.

Every option goes by its name, with _ in place of -. Nothing that exists is replaced, unless force=True asks for it.
Each file that is written is a line on stdout. The exit code is 0, or 64 after a line on stderr that says what went
wrong.
"""

import fnmatch
import glob
import os
import sys
import tempfile
import unicodedata

from gi.repository import Gimp, Gio, GLib

LAYERED = (
    ".xcf", ".xcf.gz", ".xcfgz", ".xcf.bz2", ".xcfbz2", ".xcf.xz", ".xcfxz",
    ".psd", ".psb", ".ora", ".kra", ".psp", ".pspimage", ".tub",
)  # fmt: skip
"""Formats whose layers make one picture. In others they are the frames of an animation, or pages."""

ICONS = (".ico", ".cur", ".ani", ".icns")
"""Formats whose layers are one picture in several sizes."""

AS_JPEG = (".jfif", ".jif", ".jfi")
"""Names of JPEG files that GIMP does not know when it saves."""

BESIDE = (
    ".txt", ".md", ".csv", ".json", ".xml", ".html", ".xmp", ".aae", ".pp3", ".db", ".ini", ".lnk", ".url",
    ".zip", ".mov", ".mp4", ".avi", ".wav",
)  # fmt: skip
"""Names of what lies in folders beside photos and is none."""

KEPT = 50
"""Letters of a name that fit into any file system with some more, and if each takes four bytes."""


def stylize(content, style, output, force=False, **options):
    """Paint the picture file ``content`` in the style of another; the suffix of ``output`` is the format to save in.

    ``style`` is None where an option names the style, as in ``painting="great-wave"``.
    """
    sys.tracebacklimit = 0
    refuse_taken(output, force)
    image = opened(content)
    try:
        layer = prepared(image, content)
        os.remove(saved(image, output))  # what cannot be saved is better known before the work
        given = {"style_file": Gio.File.new_for_path(style)} if style else {}
        call("plug-in-neural-style", image, drawables=[layer], **given, **options)
        image.remove_layer(layer)
        keep(image, output, force)
    finally:
        image.delete()
    print(shown(output), flush=True)


def stylize_folder(contents, style, folder, force=False, **options):
    """Paint all picture files of a folder, or that fit a pattern, under the same names in another folder.

    Those of several folders go into folders of the same names. One that fails does not keep the others from being
    painted.
    """
    sys.tracebacklimit = 0
    paths = found(contents)
    if not paths:
        raise refusal(f"No file fits {contents}.")
    common = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
    failed = 0
    for path in paths:
        output = os.path.join(folder, os.path.relpath(path, common))
        try:
            os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
            stylize(path, style, output, force, **options)
        except (ValueError, OSError, GLib.Error) as problem:
            failed += 1
            say(f"{path}: {problem}")
    if failed:
        raise refusal(f"{failed} of {len(paths)} pictures failed.")


def found(contents):
    """The files that are meant. What exists is taken by its name, whatever signs are in it; case does not count."""
    if os.path.isfile(contents):
        return [contents]
    if os.path.isdir(contents):
        return [path for path in found(os.path.join(contents, "*")) if not is_beside(path)]
    folder, pattern = os.path.split(contents)
    places = {folder}
    if not os.path.isdir(folder or "."):
        fitting = {place for each in (folder, literal(folder)) for place in glob.glob(each, recursive=True)}
        places = filter(os.path.isdir, fitting)
    paths = [os.path.join(place, name) for place in places for name in os.listdir(place or ".")]
    return sorted(path for path in paths if os.path.isfile(path) and fits(os.path.basename(path), pattern))


def is_beside(path):
    """Whether a file of a whole folder is no picture by its name, which is told."""
    if path.lower().endswith(BESIDE):
        say(f"{path} is left out: no picture is so called.")
    return path.lower().endswith(BESIDE)


def fits(name, pattern):
    """Whether the name of a file is meant; those that begin with a dot, as systems' own notes do, are not."""
    patterns = (pattern.lower(), literal(pattern.lower()))
    return not name.startswith(".") and any(fnmatch.fnmatchcase(name.lower(), each) for each in patterns)


def literal(pattern):
    """The pattern with brackets that mean themselves, as in "trip [2024]"."""
    return pattern.replace("[", "[[]")


def opened(path):
    if not os.path.isfile(path):
        raise refusal(f"There is no file {path}.")
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    if image is None:
        raise refusal(f"{path} cannot be opened as a picture.")
    return image


def prepared(image, path):
    """Make the image one layer, upright, of one frame, whole and in color, and tell on stderr what that took."""
    image.policy_rotate(False)
    Gimp.Selection.none(image)  # GIMP's own files bring theirs along
    keep_first(image, path)
    if image.get_base_type() != Gimp.ImageBaseType.RGB:
        is_gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
        say(f"{path} {'is gray' if is_gray else 'has a palette'}: it is painted in colors all the same.")
        image.convert_rgb()
    if not any(layer.get_visible() for layer in image.get_layers()):
        raise refusal(f"{path} shows nothing: make a layer of it visible.")
    return image.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)


def keep_first(image, path):
    """Leave of frames or pages the first, which is the lowest layer, and all of it; of an icon's sizes the largest."""
    layers = image.get_layers()
    if not layers or path.lower().endswith(LAYERED):
        return
    is_icon = path.lower().endswith(ICONS)
    kept = max(layers, key=lambda layer: layer.get_width() * layer.get_height()) if is_icon else layers[-1]
    if len(layers) > 1 and not is_icon:
        say(f"{path} has {len(layers)} frames or pages: the first one is painted.")
    for layer in layers:
        if layer != kept:
            image.remove_layer(layer)
    image.resize_to_layers()  # a file may say that it is a part of a larger page


def call(name, image, drawables, **arguments):
    """Run a procedure on layers of an image and return the new layer."""
    procedure = Gimp.get_pdb().lookup_procedure(name)
    if procedure is None:
        raise refusal(f"GIMP has no procedure {name}: install Neural Style for GIMP, python3 install/install.py.")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for argument, value in arguments.items():
        set_argument(procedure, config, argument.replace("_", "-"), value)
    answer = procedure.run(config)
    if answer.index(0) != Gimp.PDBStatusType.SUCCESS:
        raise refusal(Gimp.get_pdb().get_last_error())
    return answer.index(1)


def set_argument(procedure, config, name, value):
    if procedure.find_argument(name) is None:
        raise refusal(f"There is no option {name}.")
    try:
        config.set_property(name, value)
    except (TypeError, OverflowError):
        raise refusal(f"{name} cannot be {value!r}.") from None
    if isinstance(value, (str, int, float)) and config.get_property(name) != value:
        raise refusal(f"{name} cannot be {value!r}.")  # GIMP keeps the default and only warns


def refuse_taken(output, force):
    """Never replace what is there, unless that is asked for."""
    if os.path.isdir(output):
        raise refusal(f"{output} is a folder: give the name of a file.")
    if os.path.lexists(output) and not force:
        raise refusal(f"{output} is there already: give another name, or force=True to replace it.")


def saved(image, output):
    """Save beside the output under a name that is free, so that there is never half a picture, and return that.

    The output is where a link leads, if it is one.
    """
    folder, name = os.path.split(os.path.realpath(output))
    end = name[-KEPT:]
    ending = f"-{end}.jpg" if name.lower().endswith(AS_JPEG) else f"-{end}"
    part = tempfile.mktemp(ending, "", folder or ".")  # nosec B306
    if not os.path.isdir(folder or "."):
        raise refusal(f"{output} cannot be saved: there is no such folder.")
    if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(part), None):
        if os.path.exists(part):
            os.remove(part)
        raise refusal(f"{output} cannot be saved ({Gimp.get_pdb().get_last_error()}).")
    return part


def keep(image, output, force):
    """Save the painted image, at the worst elsewhere: nobody wants to wait for it twice."""
    try:
        part = saved(image, output)
    except ValueError as problem:
        refuge = saved(image, os.path.join(tempfile.mkdtemp(prefix="neural-style-"), os.path.basename(output)))
        raise refusal(f"{problem} The painted picture is {refuge}.") from None
    try:
        refuse_taken(output, force)  # it may have come in the meantime
        os.replace(part, os.path.realpath(output))
    except (ValueError, OSError) as problem:
        raise refusal(f"{problem} The painted picture is {part}.") from None


def say(line):
    print(shown(line), file=sys.stderr, flush=True)


def refusal(sentence):
    """What to raise where something cannot be."""
    return ValueError(shown(sentence))


def shown(text):
    """The text as one line that any terminal can print and none obeys."""
    return "".join(letter if prints(letter) else ascii(letter)[1:-1] for letter in text)


def prints(letter):
    return letter.isprintable() or unicodedata.category(letter) == "Zs"  # which are spaces of all widths
