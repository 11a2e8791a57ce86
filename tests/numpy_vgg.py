"""VGG-19 in plain float64 numpy, forward and backward, and the classic script on it; no code of the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nst_engine.network import library

Array = NDArray[np.float64]

MEAN_BGR = np.array([103.939, 116.779, 123.68])[:, None, None]


def input_of(rgb: Array) -> Array:
    """3×H×W RGB in [0, 1] → BGR 0–255 minus the means."""
    return np.asarray(rgb, dtype=np.float64)[::-1] * 255 - MEAN_BGR


class NumpyVGG:
    """Padding as ``numpy.pad`` has it, ReLU, max pooling. ``forward`` remembers what ``backward`` needs, with zeros."""

    def __init__(self, padding: Literal["constant", "edge"] = "constant") -> None:
        self.padding = padding
        self.layers = []
        for name, (kernel, bias) in library.load("vgg19").weights.items():
            kernel = kernel.astype(np.float64)
            self.layers.append((name, kernel[:, ::-1] if name == "conv1_1" else kernel, bias.astype(np.float64)))

    def forward(self, x: Array, deepest: str = "relu5_2") -> dict[str, Array]:
        """Features by layer, C×h×w."""
        self.features: dict[str, Array] = {}
        self.pooled: dict[str, tuple[Array, Array]] = {}
        for name, kernel, bias in self.layers:
            if name.endswith("_1") and name != "conv1_1":
                before, x = x, pool(x)
                self.pooled[name] = before, x
            x = np.maximum(convolution(x, kernel, self.padding) + bias[:, None, None], 0)
            self.features[name.replace("conv", "relu")] = x
            if name.replace("conv", "relu") == deepest:
                break
        return self.features

    def backward(self, gradients: Mapping[str, Array]) -> Array:
        """The gradient by the input from those by the features of the last ``forward``."""
        names = list(self.features)
        gradient = np.zeros_like(self.features[names[-1]])
        for layer, (name, kernel, _) in reversed(list(zip(names, self.layers, strict=False))):
            gradient = (gradient + gradients.get(layer, 0)) * (self.features[layer] > 0)
            gradient = convolution(gradient, kernel[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
            if name in self.pooled:
                before, after = self.pooled[name]
                gradient = unpool(gradient, before, after)
        return gradient


def convolution(x: Array, kernel: Array, padding: Literal["constant", "edge"] = "constant") -> Array:
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode=padding)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.asarray(np.tensordot(kernel, windows, axes=([1, 2, 3], [0, 3, 4])))


def pool(x: Array) -> Array:
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    return np.asarray(x[:, :height, :width].reshape(len(x), height // 2, 2, width // 2, 2).max(axis=(2, 4)))


def unpool(gradient: Array, before: Array, after: Array) -> Array:
    """The gradient at the first largest value of every 2×2 block."""
    found = np.zeros_like(before)
    taken = np.zeros(after.shape, dtype=bool)
    for dy in (0, 1):
        for dx in (0, 1):
            window = np.s_[:, dy : 2 * after.shape[1] : 2, dx : 2 * after.shape[2] : 2]
            here = (before[window] == after) & ~taken
            found[window] = gradient * here
            taken |= here
    return found


class ClassicScript:
    """The script's loss and gradient in its own units: a picture of BGR 0–255 minus the means."""

    STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

    def __init__(self, content: Array, style: Array) -> None:
        self.vgg = NumpyVGG()
        self.content = self.vgg.forward(content)["relu5_2"].copy()
        self.grams = {layer: gram(f) for layer, f in self.vgg.forward(style).items() if layer in self.STYLE_LAYERS}

    def loss_and_gradient(self, x: Array) -> tuple[float, Array]:
        features = self.vgg.forward(x)
        difference = features["relu5_2"] - self.content
        loss = 1e4 * float((difference**2).mean())
        gradients = {"relu5_2": 2e4 * difference / difference.size}
        for layer in self.STYLE_LAYERS:
            f, error = features[layer], gram(features[layer]) - self.grams[layer]
            n = f[0].size
            loss += 1e-2 / 5 * float((error**2).mean())
            slope = 1e-2 / 5 * 4 / (error.size * n) * error @ f.reshape(len(f), -1)
            gradients[layer] = gradients.get(layer, 0) + slope.reshape(f.shape)
        right, down = x[:, :, 1:] - x[:, :, :-1], x[:, 1:] - x[:, :-1]
        loss += 1e2 * float((right**2).mean() + (down**2).mean())
        gradient = self.vgg.backward(gradients)
        gradient[:, :, 1:] += 2e2 * right / right.size
        gradient[:, :, :-1] -= 2e2 * right / right.size
        gradient[:, 1:] += 2e2 * down / down.size
        gradient[:, :-1] -= 2e2 * down / down.size
        return loss, gradient

    def paint(self, x: Array, steps: int) -> tuple[Array, list[float]]:
        """Adam as TensorFlow 1 has it; the picture whose loss was the best, where the script takes the one after it."""
        m = v = np.zeros_like(x)
        best, best_picture, losses = np.inf, x, []
        for t in range(1, steps + 1):
            loss, g = self.loss_and_gradient(x)
            losses.append(loss)
            if loss < best:
                best, best_picture = loss, x
            m, v = 0.99 * m + 0.01 * g, 0.999 * v + 0.001 * g**2
            rate = 5 * np.sqrt(1 - 0.999**t) / (1 - 0.99**t)
            x = np.clip(x - rate * m / (np.sqrt(v) + 0.1), -MEAN_BGR, 255 - MEAN_BGR)
        return best_picture, losses


def gram(features: Array) -> Array:
    rows = features.reshape(len(features), -1)
    return np.asarray(rows @ rows.T / rows.shape[1])
