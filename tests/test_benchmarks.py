"""The benchmark's rivals against their published formulas in numpy, and its measures, cache and table."""

from __future__ import annotations

import csv
import dataclasses
import re
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from benchmarks import (
    cluster,
    cpu,
    faults,
    gpu,
    neural_style_pt,
    published,
    runs,
    sizes,
    style_transfer_pytorch,
    sweep,
    waits,
)
from benchmarks.lattice import lattice

from nst_engine import options, stylize
from nst_engine.network import library
from nst_engine.network.layers import CONVOLUTIONS

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
BRIEFLY = neural_style_pt.Settings(iterations=4)


def numpy_vgg(picture: np.ndarray, first_padding: str = "constant") -> dict[str, np.ndarray]:
    """C×h×w float64 features of an H×W×3 picture in [0, 1], from the definition."""
    network = library.load("vgg19")
    x = ((picture.astype(np.float64) - network.pixel_mean) / network.pixel_std).transpose(2, 0, 1)
    features = {}
    for name in CONVOLUTIONS[: CONVOLUTIONS.index("conv5_1") + 1]:
        if name.endswith("_1") and name != "conv1_1":
            height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
            x = x[:, :height, :width].reshape(len(x), height // 2, 2, width // 2, 2).max(axis=(2, 4))
        mode = first_padding if name == "conv1_1" else "constant"
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode=mode)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        kernel, bias = network.weights[name]
        x = np.einsum("ihwyx,oiyx->ohw", windows, kernel.astype(np.float64), optimize=True) + bias[:, None, None]
        x = np.maximum(x, 0)
        features[name.replace("conv", "relu")] = x
    return features


@pytest.fixture
def pair(content, style) -> cpu.Pair:
    return cpu.Pair("stripes", as_saved(content[..., :3]), as_saved(style[:48, :48, :3]))


@pytest.fixture
def painted() -> np.ndarray:
    return as_saved(np.random.default_rng(3).random((48, 64, 3)))


def as_saved(picture: np.ndarray) -> np.ndarray:
    return (np.rint(picture * 255) / 255).astype(np.float32)


def test_neural_style_pts_loss(pair, painted):
    of_content, of_painted = numpy_vgg(pair.content), numpy_vgg(painted)
    of_style = numpy_vgg(published.resized(pair.style, 64, published.Image.Resampling.BILINEAR))
    expected = 5 * ((of_painted["relu4_2"] - of_content["relu4_2"]) ** 2).mean()
    for layer in STYLE_LAYERS:
        ours, theirs = (
            (f.reshape(len(f), -1) @ f.reshape(len(f), -1).T) / f.size for f in (of_painted[layer], of_style[layer])
        )
        expected += 100 * ((ours - theirs) ** 2).mean()
    pixels = painted.astype(np.float64) * 255
    expected += 1e-3 * (np.abs(np.diff(pixels, axis=0)).sum() + np.abs(np.diff(pixels, axis=1)).sum())
    assert neural_style_pt.judge(pair.content, pair.style, 64)(painted) == pytest.approx(expected, rel=1e-3)


def test_its_total_variation_counts(pair, painted):
    smooth, rough = (
        neural_style_pt.judge(pair.content, pair.style, 64, neural_style_pt.Settings(0, 0.0, 0.0, weight))(painted)
        for weight in (1e-3, 2e-3)
    )
    levels = painted.astype(np.float64) * 255
    expected = 1e-3 * (np.abs(np.diff(levels, axis=0)).sum() + np.abs(np.diff(levels, axis=1)).sum())
    assert (smooth, rough) == pytest.approx((expected, 2 * expected), rel=1e-3)


def test_style_transfer_pytorchs_loss(pair, painted):
    of_content, of_style, of_painted = (torchvisions(numpy_vgg(p, "edge")) for p in (pair.content, pair.style, painted))
    expected = 0.015 * ((of_painted["relu4_2"] - of_content["relu4_2"]) ** 2).mean()
    for layer, weight in zip(STYLE_LAYERS, (256, 64, 16, 4, 1), strict=True):
        expected += weight / 341 * numpy_wasserstein(of_painted[layer], of_style[layer])
    expected += 2 * numpy_nine_point_variation(painted.astype(np.float64))
    assert style_transfer_pytorch.judge(pair.content, pair.style, 64)(painted) == pytest.approx(expected, rel=1e-3)


def torchvisions(features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {layer: values / (255 * 0.225) for layer, values in features.items()}


def numpy_wasserstein(features: np.ndarray, style: np.ndarray) -> float:
    gaussians = []
    for f in (features, style):
        matrix = f.reshape(len(f), -1)
        gaussians.append((matrix.mean(1), np.cov(matrix, bias=True) + 1e-4 * np.eye(len(f))))
    (mean, covariance), (style_mean, style_covariance) = gaussians
    root = numpy_root(style_covariance)
    trace = np.trace(covariance + style_covariance - 2 * numpy_root(root @ covariance @ root))
    return float(((mean - style_mean) ** 2).mean() + trace / len(mean))


def numpy_root(matrix: np.ndarray) -> np.ndarray:
    """What twelve Newton–Schulz steps make of each eigenvalue."""
    values, vectors = np.linalg.eigh(matrix)
    norm = np.sqrt((values**2).sum())
    y, z = values / norm, np.ones_like(values)
    for _ in range(12):
        y, z = y * (3 - z * y) / 2, z * (3 - z * y) / 2
    return (vectors * y * np.sqrt(norm)) @ vectors.T


def numpy_nine_point_variation(picture: np.ndarray) -> float:
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    straight = ((padded[1:-1, 2:] - picture) ** 2).mean() + ((padded[2:, 1:-1] - picture) ** 2).mean()
    diagonal = ((padded[1:, 1:] - padded[:-1, :-1]) ** 2).mean() + ((padded[1:, :-1] - padded[:-1, 1:]) ** 2).mean()
    return float(2 * (straight / 3 + diagonal / 12))


def test_the_square_root_and_its_gradient():
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    matrix = (factor @ factor.T + 2 * torch.eye(6)).requires_grad_()
    root = style_transfer_pytorch.SquareRoot.apply(matrix)
    assert torch.allclose(root @ root, matrix, rtol=1e-8)
    weights = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((root * weights).sum(), matrix)
    step = 1e-6 * (weights + weights.T)
    with torch.no_grad():
        ahead, behind = (style_transfer_pytorch.square_root(matrix + sign * step) for sign in (1, -1))
    assert float((gradient * 2 * step).sum()) == pytest.approx(float(((ahead - behind) * weights).sum()), rel=1e-5)


def test_the_pyramid_grows_by_the_root_of_two():
    assert style_transfer_pytorch.scales(128, 512) == [128, 181, 256, 362, 512]
    assert style_transfer_pytorch.scales(128, 500) == [177, 250, 354, 500]


@pytest.mark.parametrize(
    "rival, settings, evaluations",
    [
        (neural_style_pt, neural_style_pt.Settings(iterations=12), 12),
        (style_transfer_pytorch, style_transfer_pytorch.Settings(6, 4, min_scale=40), 10),
    ],
)
def test_a_rivals_loss_falls_and_it_saves_what_its_own_judge_saw(pair, rival, settings, evaluations):
    losses = []
    picture = rival.paint(pair.content, pair.style, 64, lambda loss, picture: losses.append(loss), settings)
    judge = rival.judge(pair.content, pair.style, 64, settings)
    assert len(losses) == evaluations
    assert picture.shape == pair.content.shape
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert judge(picture) < 0.9 * judge(pair.content)


def test_neural_style_pt_starts_from_the_content(pair):
    losses = []
    neural_style_pt.paint(pair.content, pair.style, 64, lambda loss, picture: losses.append(loss), BRIEFLY)
    assert losses[0] == pytest.approx(neural_style_pt.judge(pair.content, pair.style, 64)(pair.content), rel=1e-4)


def test_an_average_of_one_iterate_is_that_iterate():
    average = style_transfer_pytorch.Average(torch.full((1, 3, 2, 2), 0.25), 0.99)
    assert torch.allclose(average.get(), torch.full((1, 3, 2, 2), 0.25))
    average.update(torch.full((1, 3, 2, 2), 0.75))
    assert float(average.get().mean()) == pytest.approx((0.99 * 0.25 + 0.75) / 1.99, rel=1e-4)


def test_with_the_judges_weights_neural_style_pt_minimizes_what_the_judge_says(pair, painted):
    rival = cpu.RIVALS["neural-style-pt-gatys"]
    large = dataclasses.replace(pair, style=published.resized(pair.style, 64, published.Image.Resampling.LANCZOS))
    own = rival.judge(large.content, large.style, 64, rival.settings)
    said = cpu.verdict(large, np.rint(painted * 255).astype(np.uint8), own)
    assert said["own"] == pytest.approx(said["gatys"], rel=1e-3)


@pytest.fixture
def rival() -> runs.Rival:
    return dataclasses.replace(cpu.RIVALS["neural-style-pt"], settings=BRIEFLY)


def test_the_key_of_a_run_knows_settings_pictures_and_size(rival, pair):
    def key(rival=rival, content=pair.content, style=pair.style, size=64) -> str:
        return runs.key(rival, content, style, size)

    more = dataclasses.replace(rival, settings=dataclasses.replace(BRIEFLY, style_weight=101.0))
    other = cpu.RIVALS["style-transfer-pytorch"]
    keys = {key(), key(more), key(other), key(content=pair.content[::-1]), key(style=pair.style[::-1]), key(size=48)}
    assert len(keys) == 6
    assert key() == key(dataclasses.replace(rival))


def test_a_rival_paints_once_and_is_remembered(rival, pair, tmp_path):
    calls = []

    def paint() -> runs.Run:
        calls.append(1)
        return runs.rivals_run(rival, pair.content, pair.style, 64)

    first, second = (runs.cached(rival, pair.content, pair.style, 64, paint, tmp_path) for _ in range(2))
    assert len(calls) == 1
    assert first.seconds == second.seconds
    assert all(np.array_equal(*pictures) for pictures in zip(first.pictures, second.pictures, strict=True))


def test_a_run_that_fails_leaves_nothing_in_the_cache(rival, pair, tmp_path):
    broken = runs.Run(1.0, [1.0], [np.zeros((4, 4), dtype=np.complex128)])
    with pytest.raises(TypeError):
        runs.cached(rival, pair.content, pair.style, 64, lambda: broken, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_clock_stands_still_while_a_picture_is_made(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(runs, "processor_seconds", lambda: clock.now)
    recorder = runs.Recorder()

    def slow_picture() -> np.ndarray:
        clock.now += 50
        return np.zeros((4, 4, 3), dtype=np.uint8)

    for _ in range(3):
        clock.now += 1
        recorder.look(slow_picture)
    clock.now += 0.5
    recorder.finish(np.zeros((4, 4, 4), dtype=np.float32))
    assert recorder.seconds == [1, 2, 3, 3.5]
    assert recorder.pictures[-1].shape == (4, 4, 3)


def test_the_clock_counts_work_and_not_waiting():
    started = published.processor_seconds()
    time.sleep(0.3)
    waited = published.processor_seconds() - started
    while published.processor_seconds() - started < 0.5:
        pass
    assert waited < 0.25


def test_the_table_of_sizes_and_threads(monkeypatch, capsys):
    monkeypatch.setattr(sizes, "in_fresh_process", lambda function, *arguments: function(*arguments))
    sizes.main(["--size", "64", "--threads", str(torch.get_num_threads())])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| 64 | 0.003 |")
    assert lines[-1].endswith("| 0.00 |")


def test_the_table_of_waits():
    pair = cpu.paths(cpu.PICTURES)[0]
    found = waits.waits(pair, 64, "draft")
    assert 0 < found.greeting < found.plan
    assert 0 < found.first_preview < found.result
    assert found.number_format in ("float32", "bfloat16")


def test_the_table_of_a_cluster(capsys):
    cluster.main(["--workers", "1", "--pictures", "2", "--size", "32", "--large", "96"])
    workers, jpg, png = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith(("| 1", "| jpg", "| png"))
    ]
    assert workers.startswith("| 1 | 2 | 32 | ")
    assert all(float(figure) >= 0 for line in (jpg, png) for figure in line.split("|")[2:-1])


def test_a_broken_engine_ends_the_table_of_waits(monkeypatch):
    monkeypatch.setattr(waits, "WORKER", [sys.executable, "-c", "pass"])
    with pytest.raises(SystemExit, match="The engine failed"):
        waits.waits(cpu.paths(cpu.PICTURES)[0], 64, "draft")


def test_a_comparison_from_pictures_to_table(rival, pair, tmp_path):
    rival = dataclasses.replace(rival, contests={"gatys": cpu.gatys_judged})
    curves = cpu.compare(rival, pair, ["draft"], cache=tmp_path)
    rows = cpu.table(rival, pair, curves)
    assert [(row.judge, row.quality) for row in rows] == [("gatys", "draft")]
    assert all(row.score == curves["", ""].verdicts[-1][row.judge] for row in rows)
    assert all(row.our_seconds is None or row.our_seconds <= curves[row.judge, "draft"].run.seconds[-1] for row in rows)
    cpu.leave(tmp_path / "left", rival, pair, curves)
    lines = list(csv.DictReader((tmp_path / "left" / "curves.csv").read_text(encoding="utf-8").splitlines()))
    assert len(lines) == sum(len(curve.verdicts) for curve in curves.values())
    names = {path.name for path in (tmp_path / "left").iterdir()}
    assert names == {"rival.png", "ours-gatys-draft.png", "curves.csv", "curves.png"}


def test_time_to_a_mark():
    run = runs.Run(1.0, [1.0, 2.0, 4.0], [np.zeros((1, 1, 3), dtype=np.uint8)] * 3)
    curve = cpu.Curve("system", run, [{"gatys": loss} for loss in (9.0, 5.0, 3.0)])
    assert [curve.time_to("gatys", mark) for mark in (9.5, 5.0, 4.0, 1.0)] == [1.0, 2.0, 4.0, None]


@pytest.mark.parametrize("name, tolerance", [("neural-style-pt", 5e-3), ("style-transfer-pytorch", 0.02)])
def test_the_engine_gets_the_rivals_objective(pair, painted, name, tolerance, monkeypatch):
    monkeypatch.setattr("nst_engine.device.fastest_format", lambda device: torch.float32)
    large = dataclasses.replace(pair, style=published.resized(pair.style, 64, published.Image.Resampling.LANCZOS))
    rival = cpu.RIVALS[name]
    chosen = rival.contests["own"](rival.settings, large.content, large.style)
    seen = []
    stylize(
        large.content,
        large.style,
        options.from_mapping({**chosen, "size": 64, "device": "cpu", "iterations": 2}),
        init=painted,
        on_step=lambda step: seen.append(step.losses()["total"]),
    )
    expected = rival.judge(large.content, large.style, 64, rival.settings)(painted)
    assert seen[0] == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("period", [2, 2.67, 3, 4])
def test_a_lattice_stands_out_from_grain(period):
    grain = 128 + np.random.default_rng(0).normal(0, 4, (256, 256, 3))
    x = np.arange(256)
    flat = np.cos(2 * np.pi * x / period)[None, :, None] * 4
    assert lattice(np.rint(grain).astype(np.uint8)) < 4
    assert lattice(np.rint(grain + flat).astype(np.uint8)) > 10


def photo_like(seed: int, height: int = 128, width: int = 128) -> np.ndarray:
    """Smooth colors with grain."""
    random = np.random.default_rng(seed)
    coarse = published.Image.fromarray(random.integers(40, 216, (6, 6, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), published.Image.Resampling.BICUBIC), dtype=float)
    return np.clip(np.rint(smooth + random.normal(0, 3, smooth.shape)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("turns", range(4))
def test_a_strip_along_any_side_is_found(turns):
    plain = photo_like(1, 128, 192)
    framed = np.rot90(plain, turns).copy()
    framed[:, -3:] = np.clip(framed[:, -3:].astype(int) + [60, 20, -20], 0, 255)
    assert faults.border_strip(plain) < 1.5
    assert faults.border_strip(framed) > 2


def test_specks_are_counted_and_edges_are_not():
    plain = photo_like(2)
    plain[:, 64:] //= 2
    speckled = plain.copy()
    speckled[4:120:8, 4:120:8] = [255, 0, 255]
    assert faults.specks(plain) == 0
    assert faults.specks(speckled) == pytest.approx(15 * 15 / 128**2, rel=0.1)


def test_a_bare_part_is_found_and_a_wholly_painted_picture_is_not_bare():
    style = np.random.default_rng(4).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    painted = np.ascontiguousarray(style[::-1, ::-1])
    half = painted.copy()
    half[:, 96:] = photo_like(3)[:, 96:]
    found = [faults.bareness(picture, style) for picture in (painted, half, photo_like(3))]
    assert 2 * found[0] < found[1] <= found[2]


def test_the_table_of_faults(tmp_path, capsys):
    for name in ("style", "picture"):
        published.Image.fromarray(photo_like(len(name))).save(tmp_path / f"{name}.png")
    faults.main([str(tmp_path / "style.png"), str(tmp_path / "picture.png")])
    assert capsys.readouterr().out.splitlines()[-1].startswith("| picture.png | ")


def test_the_gpu_command_checks_and_times_whatever_device_there_is(capsys, monkeypatch):
    monkeypatch.setattr(gpu, "TILED_SIDE", 128)
    monkeypatch.setattr(gpu, "TILE", 64)
    gpu.main(["--device", "cpu", "--size", "64", "--megapixels", "0.003", "--quality", "draft"])
    told, _, row = capsys.readouterr().out.partition("| px")
    assert re.search(r"against the processor: loss \d\.\d+e", told)
    assert re.search(r"tiles against the whole: loss \d\.\d+e", told)
    assert [float(line.split("|")[1]) for line in row.splitlines()[-2:]] == [64, 67]
    assert all(float(line.split("|")[5]) > 0 for line in row.splitlines()[-2:])


def test_bfloat16_convolutions_lead_the_same_way():
    found = gpu.difference(torch.device("cpu"), torch.bfloat16)
    assert 0 < found.loss < gpu.TOLERANCE
    assert found.gradient < gpu.TOLERANCE


def test_a_slice_of_the_sweep_finds_nothing_worse_than_what_was_seen(capsys):
    sweep.main(["--jobs", "6"])
    assert capsys.readouterr().out.startswith("6 jobs: 6 fine, 0 worse;")


@pytest.mark.parametrize("returned, is_fine", [(1.0, True), (1.0001, True), (1.001, False), (float("nan"), False)])
def test_the_sweep_tells_worse_from_rounding(returned, is_fine):
    assert sweep.Outcome(returned, lowest=1.0).is_fine is is_fine
