"""All keyframes of a segment refined together, so that corrections are the same in all of them."""

from dataclasses import dataclass

import torch

from sketch.drawing.artist import Artist
from sketch.drawing.energy import StrokeEnergy
from sketch.drawing.losses import ClipLoss
from sketch.drawing.views import CLEAN

# What is not seen is drawn far beside the canvas.
_BESIDE = -1e4


@dataclass(frozen=True)
class TemporalSettings:
    """iterations: steps with the model, of all keyframes at once
    pull: how strongly strokes are held to where the motion takes those of the keyframe before
    steadiness: how strongly the corrections are kept from changing from one keyframe to the next
    learning_rate: Adam's, in canvas pixels; it falls to a tenth
    """

    iterations: int = 20
    pull: float = 6.0
    steadiness: float = 1.0
    learning_rate: float = 0.25


def refined_together(
    artist: Artist,
    loss: ClipLoss,
    energy: StrokeEnergy,
    points: torch.Tensor,
    seen: torch.Tensor,
    half_widths: torch.Tensor,
    *,
    settings: TemporalSettings,
) -> torch.Tensor:
    """Strokes of all keyframes (keyframes, strokes, 4, 2), nearer to their pictures than given.

    points: where motion takes the strokes from keyframe to keyframe
    seen: bool (keyframes, strokes); half_widths: (keyframes, strokes)

    Comes back as it was where that is better in the clean view, over all keyframes.
    """
    rows = torch.arange(len(points), device=points.device)

    def pictures(moving: torch.Tensor) -> torch.Tensor:
        visible = seen[..., None, None]
        return artist.render(torch.where(visible, moving, _BESIDE), half_widths)

    with torch.no_grad():
        begun = loss(pictures(points), rows=rows).total
    moving = points.clone().requires_grad_()
    adam = torch.optim.Adam([moving], lr=settings.learning_rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(
        adam, settings.iterations, settings.learning_rate / 10
    )
    preset = artist.preset
    for step in range(settings.iterations):
        views = [CLEAN, 1 + step % preset.bank] if preset.clean_view else [step % (preset.bank + 1)]
        embedding = step % preset.embedding_every == 0
        told = loss(pictures(moving), views, embedding=embedding, rows=rows).total
        total = told / begun.clamp(min=1e-6) + preset.edge_weight * energy(moving, rows)
        adam.zero_grad()
        (total.sum() + temporal_energy(moving - points, settings)).backward()
        adam.step()
        falling.step()
    with torch.no_grad():
        ended = loss(pictures(moving), rows=rows).total
    return moving.detach() if ended.sum() < begun.sum() else points


def temporal_energy(corrections: torch.Tensor, settings: TemporalSettings) -> torch.Tensor:
    """What it costs that corrections (keyframes, strokes, 4, 2) differ between keyframes.

    A correction is how far a stroke is from where motion alone takes it. Taken from one keyframe to
    the next, a corrected stroke lies at the next one's place with the same correction; so what
    the thing itself does, however fast, costs nothing.
    """
    change = corrections.diff(dim=0)
    turn = change.diff(dim=0)
    per_point = settings.pull * change.square().sum() + settings.steadiness * turn.square().sum()
    return per_point / (100 * corrections.shape[1] * 4)
