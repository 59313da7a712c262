"""Writes a trained super-resolution network as the product loads it: safetensors, ONNX, and its card."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
import onnxruntime
import torch
from safetensors.torch import save_file

from workers.training.sr.networks import CONVOLUTIONS, FEATURES, compact
from workers.training.sr.photograph_list import PHOTOGRAPHS, Part
from workers.training.sr.photographs import LONG_SIDE, licences
from workers.training.sr.quality import SIDE, Figures, Likeness
from workers.training.sr.training import Checkpoint, Plan, State

OPSET = 17
WEIGHTS, GRAPH, CARD = "model.safetensors", "model.onnx", "card.md"
_MOST_DIFFERENCE = 1e-3
_CARD = """# {name}

SRVGGNetCompact ({features} features, {convolutions} convolutions between the first and the last), enlarges {scale}
times. The state dict is that of basicsr and spandrel.

- **Files**: `model.safetensors` (float16), `model.onnx` (the same values in float32; opset {opset}; input and output
  RGB from 0 to 1 as N, 3, height, width of any size). onnxruntime and torch differ by at most {difference:.0e}.
- **Learnt from** {count_trained} photographs in Debian packages, halved or reduced further (long side at most
  {long_side} pixels): {licences}. The
  clean share of each batch is reduced by a bicubic filter; the rest is blurred, reduced by random filters, given noise
  and JPEG compression, the way of Real-ESRGAN, but mildly.
{made}
  Each step: {count} pairs of {side} px and {large} px, Adam, Charbonnier loss on RGB; the weights are their moving
  average. The last {last} steps took {minutes:.0f} minutes.
- **Licence** of the weights: Apache License 2.0. The photographs' own licences allow use, change and sharing.

## Figures

Means over photographs that were never learnt from: PSNR in dB and SSIM, both in RGB, without {scale} pixels at each
edge, of the middle {measured} px. *bicubic*: made small by a bicubic filter; *realistic*: blur, noise and JPEG as in
training, three times for each. The pictures of scikit-image are by other cameras and people than all that was learnt
from.

| photographs | made small | n | network | bicubic | Lanczos | gain |
|---|---|---|---|---|---|---|
{figures}

## Photographs

{photographs}
"""


def export(plan: Plan, trained: State, folder: Path) -> float:
    """Write the weights and the graph; by how much the two differ at most.

    Both hold the values that float16 leaves, so they are the same network. Raises RuntimeError when they are not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: values.half().contiguous() for name, values in trained.items()}
    save_file(halves, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors writes for the owner alone, but these get installed
    network = compact(plan.scale).eval()
    network.load_state_dict({name: values.float() for name, values in halves.items()})
    write_graph(network, folder / GRAPH)
    difference = furthest_apart(network, folder / GRAPH)
    if difference > _MOST_DIFFERENCE:
        raise RuntimeError(f"{folder / GRAPH} differs by {difference:.1e} from the network it was made from")
    return difference


def write_graph(network: torch.nn.Module, path: Path) -> None:
    """``network`` as ONNX, for any number of pictures of any size."""
    axes = {0: "count", 2: "height", 3: "width"}
    with warnings.catch_warnings():
        # The exporter that follows this one needs another package, and writes paths of this machine into the graph.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, 16, 16),),
            path,
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=["better"],
            dynamic_axes={"pixels": axes, "better": {0: "count", 2: "height_out", 3: "width_out"}},
            dynamo=False,
        )


def furthest_apart(network: torch.nn.Module, graph: Path) -> float:
    """The largest difference of any value between torch and onnxruntime, over pictures of several sizes."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(0)
    furthest = 0.0
    for shape in ((1, 3, 24, 24), (2, 3, 17, 33), (1, 3, 64, 40)):
        values = generator.random(shape, np.float32)
        with torch.inference_mode():
            wanted = network(torch.from_numpy(values)).numpy()
        furthest = max(furthest, float(np.abs(session.run(None, {"pixels": values})[0] - wanted).max()))
    return furthest


def card(trained: Checkpoint, difference: float, figures: Sequence[Figures]) -> str:
    """The model card of one network; ``difference`` is what ``export`` gave."""
    plan = trained.plan
    return _CARD.format(
        name=f"sr_x{plan.scale}",
        features=FEATURES,
        convolutions=CONVOLUTIONS,
        opset=OPSET,
        difference=difference,
        count_trained=sum(licences(Part.TRAIN).values()),
        long_side=LONG_SIDE,
        licences=", ".join(f"{count} under {licence}" for licence, count in licences(Part.TRAIN).items()),
        scale=plan.scale,
        made=_made(plan),
        last=plan.steps,
        count=plan.count,
        side=plan.side,
        large=plan.side * plan.scale,
        minutes=trained.seconds / 60,
        measured=SIDE,
        figures="\n".join(_line(one) for one in figures),
        photographs="\n".join(_credits()),
    )


def _made(plan: Plan) -> str:
    later = " (each part after the first with `--start`)" if plan.before else ""
    return fill(f"- **Made by** `python -m workers.training sr`{later}: {plan}.", 118, subsequent_indent="  ")


def _line(figures: Figures) -> str:
    means = " | ".join(_cell(one) for one in (figures.network, figures.bicubic, figures.lanczos))
    gain = f"{figures.gain_db:+.2f} dB, {figures.gain_ssim:+.3f}"
    return f"| {figures.photographs} | {figures.way.name} | {figures.count} | {means} | {gain} |"


def _cell(means: Likeness) -> str:
    return f"{means.psnr:.2f} dB, {means.ssim:.3f}"


def _credits() -> list[str]:
    return [
        f"- {photograph.name}: {photograph.author}, {photograph.licence} ({photograph.package.name}, {photograph.part})"
        for photograph in PHOTOGRAPHS
    ]
