"""What the small world asks of a model."""

import numpy as np

from smallworld.exam import exam


def test_each_question_has_an_answer_and_is_the_same_each_time():
    one, again = exam(30), exam(30)
    assert len(one.texts) == 30
    assert one.texts == again.texts
    assert one.shows.any(axis=1).all()
    assert not one.shows.all(axis=1).any()
    assert all((ours == theirs).all() for ours, theirs in zip(one.clips, again.clips, strict=True))
    assert {clip.shape for clip in one.clips} == {(4, 96, 128, 3)}


def test_the_first_clip_counts():
    asked = exam(4)
    clips = np.eye(asked.shows.shape[1])
    right = clips[asked.shows.argmax(axis=1)]
    assert asked.first_right(right, clips) == 100.0
    wrong = clips[asked.shows.argmin(axis=1)]
    assert asked.first_right(np.concatenate([right[:1], wrong[1:]]), clips) == 25.0
