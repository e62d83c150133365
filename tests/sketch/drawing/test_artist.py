import threading
from dataclasses import replace

import numpy as np
import pytest

from sketch.canvas import Target, on_canvas
from sketch.drawing.artist import Artist
from sketch.drawing.presets import PAPER, QUICK
from sketch.edges.edge_map import edge_map
from sketch.edges.fit import fit_edges
from sketch.strokes import BACKGROUND, CANVAS, HALF_WIDTH, SUBJECT, Placed, Strokes
from tests.sketch.stills import blank, bundled_tower, target

SHORT = replace(QUICK, iterations=8, evaluate_every=4)


@pytest.fixture(scope="module")
def artist() -> Artist:
    return Artist(bundled_tower(), preset=SHORT)


def test_a_sketch_has_the_strokes_that_were_asked_for(artist: Artist) -> None:
    [drawing] = artist.draw([target("cat")], strokes=6)
    assert len(drawing.sketch.strokes) == 6
    assert drawing.sketch.groups == (SUBJECT,) * 6
    assert drawing.sketch.gains.sum() == pytest.approx(1, abs=1e-4)


def test_the_model_finds_a_sketch_nearer_than_the_fitted_edges() -> None:
    artist, picture = Artist(bundled_tower()), target("owl")
    [drawing] = artist.draw([picture], strokes=12)
    begun = Strokes.plain(fit_edges([edge_map(picture)], 12)[0])
    assert drawing.sketch.loss.total < artist.losses(picture, [begun])[0].total


def test_the_loss_told_is_that_of_the_strokes_told(artist: Artist) -> None:
    picture = target("dog")
    [drawing] = artist.draw([picture], strokes=8)
    [again] = artist.losses(picture, [drawing.sketch.strokes])
    assert again.total == pytest.approx(drawing.sketch.loss.total, rel=1e-4)


def test_the_same_seed_draws_the_same(artist: Artist) -> None:
    first, second = (artist.draw([target("cat")], strokes=5, seed=3)[0] for _ in range(2))
    assert np.array_equal(first.sketch.strokes.points, second.sketch.strokes.points)


def test_a_sketch_does_not_depend_on_what_is_drawn_beside_it(artist: Artist) -> None:
    [alone] = artist.draw([target("cat")], strokes=5)
    together = artist.draw([target("owl"), target("cat"), target("bus")], strokes=5)[1]
    # The order may swap strokes of equal worth; where they lie is the same.
    apart = np.linalg.norm(
        alone.sketch.strokes.points[:, None] - together.sketch.strokes.points[None], axis=(2, 3)
    )
    assert apart.min(axis=1).max() < 0.5


def test_each_seed_of_the_paper_begins_elsewhere_and_the_best_is_kept() -> None:
    few = replace(PAPER, iterations=2, render_size=64, bank=6, evaluate_every=1)
    [drawing] = Artist(bundled_tower(), preset=few).draw([target("cat")], strokes=4)
    assert drawing.seed in (0, 1000, 2000)
    alone = Artist(bundled_tower(), preset=replace(few, seeds=1))
    [first] = alone.draw([target("cat")], strokes=4)
    assert drawing.sketch.loss.total <= first.sketch.loss.total + 1e-6


def test_a_blank_picture_gives_a_sketch_all_the_same(artist: Artist) -> None:
    [drawing] = artist.draw([blank()], strokes=4)
    assert len(drawing.sketch.strokes) == 4
    assert np.isfinite(drawing.sketch.strokes.points).all()


def test_auto_gives_busier_things_more_strokes() -> None:
    artist = Artist(bundled_tower(), preset=SHORT)
    plain, busy = artist.draw([target("balloon", "sky"), target("zebra", "sky")], strokes="auto")
    assert 1 <= len(plain.sketch.strokes) < len(busy.sketch.strokes) <= 32


def disc_with(turns: float) -> Target:
    """A disc with a sharp rim; inside, as in a rose, a spiral of so many turns in soft tones."""
    down, right = np.mgrid[:CANVAS, :CANVAS] - CANVAS / 2
    radius = np.hypot(down, right)
    turn = (radius / 80 * turns - np.arctan2(down, right) / (2 * np.pi)) % 1 if turns else 0.0
    tone = np.array([0.7, 0.25, 0.3]) - np.multiply.outer(turn, [0.4, 0.2, 0.2])
    inside = (radius < 80)[..., None]
    picture = np.where(inside, tone, 0.96).clip(0, 1).astype(np.float32)
    return Target(picture, (radius < 82).astype(np.float32))


def test_auto_keeps_what_is_inside_a_clear_outline(artist: Artist) -> None:
    plain, rose = artist.draw([disc_with(0), disc_with(2.6)], strokes="auto")
    assert len(plain.sketch.strokes) <= 10
    middles = rose.sketch.strokes.points.mean(axis=1) - CANVAS / 2
    inside = np.linalg.norm(middles, axis=1) < 60
    assert inside.sum() >= 4
    assert len(rose.sketch.strokes) < 32
    strays = np.linalg.norm(plain.sketch.strokes.points.mean(axis=1) - CANVAS / 2, axis=1) < 60
    assert not strays.any()


def test_moments_of_the_drawing_are_kept(artist: Artist) -> None:
    [drawing] = artist.draw([target("cat")], strokes=4, record=3)
    assert len(drawing.history) == 4
    assert all(len(moment) == 4 for moment in drawing.history)
    assert not np.array_equal(drawing.history[0].points, drawing.history[-1].points)


def test_a_sketch_goes_on_from_given_strokes() -> None:
    # Without weight on edges, the loss that is told is all that is minimised.
    artist = Artist(bundled_tower(), preset=replace(SHORT, edge_weight=0.0))
    [first] = artist.draw([target("cat")], strokes=4)
    [second] = artist.draw([target("cat")], strokes=4, start=[first.sketch.strokes])
    assert second.sketch.loss.total <= first.sketch.loss.total + 1e-4


def test_strokes_can_be_added_one_after_another(artist: Artist) -> None:
    [drawing] = artist.draw([target("owl")], strokes=6, progressive=True)
    assert len(drawing.sketch.strokes) == 6
    assert drawing.sketch.loss.total < artist.losses(target("owl"), [_nothing()])[0].total


def test_a_scene_has_its_background_first_and_thinner(artist: Artist) -> None:
    picture = target("cat", "mountains", size=0.4)
    mask = np.zeros((CANVAS, CANVAS), np.float32)
    mask[60:164, 60:164] = 1
    [drawing] = artist.draw_scene([replace(picture, mask=mask)], strokes=9)
    groups = list(drawing.sketch.groups)
    assert groups == sorted(groups)  # "background" comes before "subject"
    assert groups.count(SUBJECT) == 9
    widths = drawing.sketch.strokes.half_widths
    behind = np.array(groups) == BACKGROUND
    assert behind.any()
    assert widths[behind].max() < widths[~behind].min()


def test_an_enlarged_subject_is_put_back_into_its_scene(artist: Artist) -> None:
    whole = target("lion", "street", size=0.3)
    mask = np.zeros((CANVAS, CANVAS), np.float32)
    mask[72:152, 72:152] = 1
    whole = replace(whole, mask=mask)
    enlarged, placed = on_canvas(
        np.round(whole.picture * 255).astype(np.uint8), Placed(-168.0, -168.0, 560.0, 560.0)
    )
    large = Target(enlarged, np.ones((CANVAS, CANVAS), np.float32), placed, whole)
    [drawing] = artist.draw_scene([large], strokes=6)
    sketch = drawing.sketch
    groups = np.array(sketch.groups)
    inner, behind = sketch.strokes.points[groups == SUBJECT], groups == BACKGROUND
    assert len(inner) == 6
    assert behind.any()
    assert sketch.placed == whole.placed
    middles = inner.mean(axis=1)
    assert middles.min() > 60
    assert middles.max() < 164
    # Of a subject that was enlarged by 2.5 no line is as thick as it was drawn, or too thin.
    widths = sketch.strokes.half_widths
    assert widths[groups == SUBJECT] == pytest.approx(HALF_WIDTH / 2.5**0.5, abs=0.01)
    assert widths[behind].max() < widths[groups == SUBJECT].min()


def test_a_background_that_is_only_faded_is_drawn_too(artist: Artist) -> None:
    mask = np.full((CANVAS, CANVAS), 0.4, np.float32)
    mask[60:164, 60:164] = 1
    [drawing] = artist.draw_scene([replace(target("lion", "street", size=0.4), mask=mask)])
    assert drawing.sketch.groups.count(BACKGROUND) >= 3


def test_without_the_model_strokes_stay_on_their_edges_in_the_order_of_what_they_draw() -> None:
    artist, picture = Artist(bundled_tower(), guided=False), target("owl")
    fitted = fit_edges([edge_map(picture)], 8)[0]
    for progressive in (False, True):
        [drawing] = artist.draw([picture], strokes=8, record=3, progressive=progressive)
        points = drawing.sketch.strokes.points
        assert drawing.iterations == 0
        if not progressive:
            apart = np.abs(points[:, None] - fitted[None]).max(axis=(2, 3))
            assert apart.min(axis=1).max() == 0
            assert sorted(apart.argmin(axis=1).tolist()) == list(range(8))
        gains = drawing.sketch.gains
        assert (gains[:-1] >= gains[1:] - 1e-6).all()
    [warm] = artist.draw([picture], strokes=8, start=[Strokes.plain(fitted + 3)])
    assert sorted(warm.sketch.strokes.points[:, 0, 0]) == sorted((fitted + 3)[:, 0, 0])


def test_progress_is_told_to_its_end_where_there_are_no_steps() -> None:
    told: list[tuple[int, int]] = []
    artist = Artist(bundled_tower(), guided=False)
    artist.draw([target("owl")], strokes=4, on_progress=lambda *how: told.append(how))
    assert told[-1] == (1, 1)


def test_a_stopped_drawing_comes_back_at_once(artist: Artist) -> None:
    stop = threading.Event()
    stop.set()
    [drawing] = artist.draw([target("cat")], strokes=4, stop=stop)
    assert drawing.iterations == 1


def test_too_many_strokes_are_refused(artist: Artist) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        artist.draw([target("cat")], strokes=65)


def _nothing() -> Strokes:
    return Strokes.plain(np.full((1, 4, 2), -50, np.float32))
