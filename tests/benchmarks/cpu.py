"""How long a processor takes to a picture as good as the rivals': ``python -m tests.benchmarks.cpu``.

Every program gets the same two pictures at the same size, alone in a process of its own, and paints from the
content. Its pictures at growing times are saved with 8 bits and judged afterwards, off the clock. A rival's final
score is the mark; the engine's time is that of its first picture that is as good. Times are in processor seconds
per thread from the start of the job (imports done), and in full steps, timed just before each run on the same machine.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from nst_engine import options
from nst_engine.files import reading
from nst_engine.score import high_frequency_energy, score

from . import neural_style_pt, runs, style_transfer_pytorch
from .lattice import lattice
from .published import CONTENT_LAYER, STYLE_CHANNELS, Floats, resized, tensor
from .runs import Bytes, Rival, Run

PICTURES = Path(__file__).parent.parent / "pictures"


@dataclasses.dataclass(frozen=True)
class Pair:
    """A content and a style, H×W×3 in [0, 1], at the size they are compared at."""

    name: str
    content: Floats
    style: Floats

    @property
    def long_side(self) -> int:
        """The content's."""
        return max(self.content.shape[:2])


@dataclasses.dataclass(frozen=True)
class Curve:
    """A run with each picture's verdicts by judge."""

    system: str
    run: Run
    verdicts: list[dict[str, float]]

    def time_to(self, judge: str, mark: float) -> float | None:
        """Seconds to the first picture that this judge finds at least as good; None where there is none."""
        for seconds, verdict in zip(self.run.seconds, self.verdicts, strict=True):
            if verdict[judge] <= mark:
                return seconds
        return None


# The engine's options for each rival's objective -----------------------------------------------------------------


def gatys_judged(settings: Any, content: Floats, style: Floats) -> dict[str, Any]:
    """The paper's released settings: what the judge ``gatys`` looks at."""
    return {"recipe": "gatys"}


def neural_style_pt_judged(settings: neural_style_pt.Settings, content: Floats, style: Floats) -> dict[str, Any]:
    """neural-style-pt's loss: its Gram matrices are over C·n where the engine's are over n, its total variation is
    a sum over 0…255 where the engine's is a mean over 0…1."""
    layers = {layer: settings.style_weight / channels**2 for layer, channels in STYLE_CHANNELS.items()}
    return {
        "recipe": "gatys",
        "content_weight": settings.content_weight,
        "style_layers": _as_option(layers),
        "tv_weight": settings.tv_weight * 255 * content.size,
        "tv_norm": "absolute",
    }


def wasserstein_judged(settings: style_transfer_pytorch.Settings, content: Floats, style: Floats) -> dict[str, Any]:
    """style-transfer-pytorch's loss: the engine divides each layer's by the target's energy, so weights undo that.

    Its total variation over nine points is, for smooth pictures, the engine's over four.
    """
    vgg = style_transfer_pytorch.network()
    with torch.no_grad():
        of_style = vgg(vgg.normalized(tensor(style)))
        of_content = vgg(vgg.normalized(tensor(content)))[CONTENT_LAYER]
    layers = {
        layer: weight * float(of_style[layer].square().mean())
        for layer, weight in style_transfer_pytorch.LAYER_WEIGHTS.items()
    }
    return {
        "recipe": "painterly",
        "statistic": "moments",
        "content_weight": settings.content_weight * float(of_content.square().mean()),
        "style_weight": 1.0,
        "style_layers": _as_option(layers),
        "tv_weight": settings.tv_weight,
        "padding": "replicate",
        "style_border": 0.0,
    }


def _as_option(layers: dict[str, float]) -> str:
    return ",".join(f"{layer}:{weight:.6g}" for layer, weight in layers.items())


RIVALS = {
    rival.name: rival
    for rival in (
        Rival(
            "neural-style-pt",
            neural_style_pt.paint,
            neural_style_pt.judge,
            neural_style_pt.Settings(),
            {"own": neural_style_pt_judged, "gatys": gatys_judged},
        ),
        # With these weights its loss is the judge's, to the last digit.
        Rival(
            "neural-style-pt-gatys",
            neural_style_pt.paint,
            neural_style_pt.judge,
            neural_style_pt.Settings(content_weight=1.0, style_weight=1e3, tv_weight=0.0),
            {"gatys": gatys_judged},
        ),
        Rival(
            "style-transfer-pytorch",
            style_transfer_pytorch.paint,
            style_transfer_pytorch.judge,
            style_transfer_pytorch.Settings(),
            {"own": wasserstein_judged, "w2": wasserstein_judged},
        ),
    )
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparisons asked for; prints the table as it grows and leaves everything in the output folder."""
    parsed = _parser().parse_args(arguments)
    parsed.output.mkdir(parents=True, exist_ok=True)
    print("| " + " | ".join(Row.__annotations__) + " |\n|" + " --- |" * len(Row.__annotations__), flush=True)
    rows = []
    for long_side in parsed.size:
        for content, style in parsed.pair or paths(parsed.pictures):
            pair = load(content, style, long_side)
            for name in parsed.rivals:
                print(f"{name}, {pair.name}, {long_side} px …", file=sys.stderr, flush=True)
                curves = compare(RIVALS[name], pair, parsed.quality, runs.in_fresh_process)
                for row in table(RIVALS[name], pair, curves):
                    rows.append(row)
                    print("| " + " | ".join(row.texts()) + " |", flush=True)
                leave(parsed.output / f"{name}-{pair.name}-{long_side}", RIVALS[name], pair, curves)
    _write_csv(parsed.output / "table.csv", Row.__annotations__, (dataclasses.astuple(row) for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cpu", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pair", nargs=2, action="append", type=Path, metavar=("CONTENT", "STYLE"), help="two files")
    parser.add_argument(
        "--pictures",
        type=Path,
        default=PICTURES,
        metavar="FOLDER",
        help="where content-*.jpg and style-*.jpg lie, paired in the order of their names (default: tests/pictures)",
    )
    parser.add_argument("--size", nargs="+", type=int, default=[512], metavar="N", help="long sides (default: 512)")
    parser.add_argument(
        "--rivals", nargs="+", choices=list(RIVALS), default=list(RIVALS), help="with whom to compare (default: all)"
    )
    qualities = list(options.specs()["quality"][1].choices)
    parser.add_argument(
        "--quality", nargs="+", choices=qualities, default=qualities, help="the engine's runs (default: all)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/benchmarks"),
        metavar="FOLDER",
        help="where table, curves and pictures go (default: build/benchmarks)",
    )
    return parser


def paths(folder: Path) -> list[tuple[Path, Path]]:
    """Content and style files of a folder, the shorter list repeated."""
    contents, styles = sorted(folder.glob("content-*")), sorted(folder.glob("style-*"))
    if not contents or not styles:
        sys.exit(f"ERROR There are no pictures content-* and style-* in {folder}.\nTIP Give --pair CONTENT STYLE.")
    count = max(len(contents), len(styles))
    return [(contents[i % len(contents)], styles[i % len(styles)]) for i in range(count)]


def load(content: Path, style: Path, long_side: int) -> Pair:
    """A pair at this size. Neither picture is enlarged, so a small content is compared at its own size."""
    lanczos = Image.Resampling.LANCZOS
    name = f"{content.stem.removeprefix('content-')}-{style.stem.removeprefix('style-')}"
    return Pair(
        name,
        resized(reading.load(content)[..., :3], long_side, lanczos, enlarge=False),
        resized(reading.load(style)[..., :3], long_side, lanczos, enlarge=False),
    )


def at_side(path: Path, long_side: int) -> Floats:
    """A picture's H×W×3 in [0, 1] with this long side, enlarged if need be."""
    return resized(reading.load(path)[..., :3], long_side, Image.Resampling.LANCZOS)


def compare(
    rival: Rival,
    pair: Pair,
    qualities: Iterable[str],
    call: Callable[..., Run] = lambda function, *arguments: function(*arguments),
    cache: Path | None = None,
) -> dict[tuple[str, str], Curve]:
    """The rival's curve (key '', '') and the engine's by (judge, quality). ``call`` calls what paints."""
    size = pair.long_side
    paint = functools.partial(call, runs.rivals_run, rival, pair.content, pair.style, size)
    own = rival.judge(pair.content, pair.style, size, rival.settings)
    curves = {
        ("", ""): _judged(rival.name, runs.cached(rival, pair.content, pair.style, size, paint, cache), pair, own)
    }
    made: dict[str, Curve] = {}
    for judge, chooser in rival.contests.items():
        for quality in qualities:
            chosen = {**chooser(rival.settings, pair.content, pair.style), "quality": quality}
            if repr(chosen) not in made:
                run = call(runs.engines_run, chosen, pair.content, pair.style)
                made[repr(chosen)] = _judged(f"nst-engine {quality}", run, pair, own)
            curves[judge, quality] = made[repr(chosen)]
    return curves


def _judged(system: str, run: Run, pair: Pair, own: Callable[[Floats], float]) -> Curve:
    verdicts = [verdict(pair, picture, own) for picture in run.pictures]
    return Curve(system, run, verdicts)


def verdict(pair: Pair, picture: Bytes, own: Callable[[Floats], float]) -> dict[str, float]:
    """What the fixed judges and the rival's own loss say of an 8-bit picture."""
    painted = _floats(picture)
    said = score(opaque(pair.content), opaque(pair.style), opaque(painted), pair.long_side)
    height, width = pair.content.shape[:2]
    if picture.shape != pair.content.shape:  # what the engine has at a coarser scale
        enlarged = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
        painted = _floats(np.asarray(enlarged))
    return {"own": own(painted)} | {judge: terms["total"] for judge, terms in said.items() if "total" in terms}


def opaque(picture: Floats) -> Floats:
    """H×W×3 → H×W×4."""
    return np.dstack([picture, np.ones_like(picture[..., :1])])


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table. ``hf`` is high-frequency energy against the mean of content and style."""

    rival: str
    pair: str
    px: int
    judge: str
    score: float
    seconds: float
    steps: float
    quality: str
    our_score: float
    our_seconds: float | None
    our_steps: float | None
    times_faster: float | None
    hf: float
    our_hf: float
    lattice: float
    our_lattice: float

    def texts(self) -> list[str]:
        """The fields for people; a time that was not reached is a dash."""
        return ["–" if v is None else f"{v:.4g}" if isinstance(v, float) else str(v) for v in dataclasses.astuple(self)]


def table(rival: Rival, pair: Pair, curves: dict[tuple[str, str], Curve]) -> list[Row]:
    """A line for each judge and quality: the rival's mark, and when the engine was there.

    ``times_faster`` compares full steps, so that a busy machine in one of the two runs does not count.
    ``our_score`` is that of the engine's finished picture.
    """
    theirs = curves["", ""]
    usual = (high_frequency_energy(tensor(pair.content)) + high_frequency_energy(tensor(pair.style))) / 2
    rows = []
    for (judge, quality), ours in curves.items():
        if not judge:
            continue
        mark, steps = theirs.verdicts[-1][judge], theirs.run.seconds[-1] / theirs.run.full_step
        seconds = ours.time_to(judge, mark)
        our_steps = None if seconds is None else seconds / ours.run.full_step
        last, our_last = theirs.run.pictures[-1], ours.run.pictures[-1]
        rows.append(
            Row(
                rival=rival.name,
                pair=pair.name,
                px=pair.long_side,
                judge=judge,
                score=mark,
                seconds=theirs.run.seconds[-1],
                steps=steps,
                quality=quality,
                our_score=ours.verdicts[-1][judge],
                our_seconds=seconds,
                our_steps=our_steps,
                times_faster=None if our_steps is None else steps / our_steps,
                hf=high_frequency_energy(tensor(_floats(last))) / usual,
                our_hf=high_frequency_energy(tensor(_floats(our_last))) / usual,
                lattice=lattice(last),
                our_lattice=lattice(our_last),
            )
        )
    return rows


def leave(folder: Path, rival: Rival, pair: Pair, curves: dict[tuple[str, str], Curve]) -> None:
    """Write final pictures, all curves as CSV, and the plot."""
    folder.mkdir(parents=True, exist_ok=True)
    for (judge, quality), curve in curves.items():
        name = f"ours-{judge}-{quality}" if judge else "rival"
        Image.fromarray(curve.run.pictures[-1]).save(folder / f"{name}.png")
    judges = list(next(iter(curves.values())).verdicts[0])
    lines = (
        [curve.system, judge, seconds, seconds / curve.run.full_step, *verdict.values()]
        for (judge, _), curve in curves.items()
        for seconds, verdict in zip(curve.run.seconds, curve.verdicts, strict=True)
    )
    _write_csv(folder / "curves.csv", ["system", "contest", "seconds", "full_steps", *judges], lines)
    plot(folder / "curves.png", f"{pair.name}, {pair.long_side} px", rival, curves)


def plot(path: Path, title: str, rival: Rival, curves: dict[tuple[str, str], Curve]) -> None:
    """Draw loss against seconds, both logarithmic: a panel for each judge, a line for each system."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4 * len(rival.contests), 4.8), layout="constrained")
    panels = figure.subplots(1, len(rival.contests), squeeze=False)[0]
    for panel, judge in zip(panels, rival.contests, strict=True):
        for (contest, _), curve in curves.items():
            if contest in ("", judge):
                values = [verdict[judge] for verdict in curve.verdicts]
                panel.loglog(curve.run.seconds, values, marker=".", label=curve.system)
        panel.axhline(curves["", ""].verdicts[-1][judge], color="gray", linewidth=0.5)
        panel.set(title=f"{title}: judge {judge}", xlabel="seconds", ylabel="loss of the 8-bit picture")
        panel.legend()
    figure.savefig(path)


def _write_csv(path: Path, header: Iterable[str], lines: Iterable[Iterable[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(lines)


def _floats(picture: Bytes) -> Floats:
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


if __name__ == "__main__":
    main()
