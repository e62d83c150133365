import errno
import io
import json
import sys
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings
from tasks.clips import cutting
from tasks.clips.cutting import cut, playable_size
from tasks.clips.job import CutJob
from tests.corpus import read_number, scene, write_clip

SETTINGS = IndexSettings()
STEADY = [
    "plain.mp4",
    "plain.mkv",
    "plain.mov",
    "vp9.webm",
    "av1.mp4",
    "hevc.mp4",
    "mpeg4.avi",
    "h264.avi",
    "plain.ts",
    "plain.m2ts",
    "plain.mpg",
    "plain.flv",
    "plain.wmv",
    "animated.gif",
    "live.webm",
    "offset.mp4",
    "offset.mkv",
    "no-edit-list.mp4",
    "ten-bit.mp4",
    "sound.mp4",
]


def cut_out(source: Path, folder: Path, start_s: float, end_s: float) -> Path:
    target = folder / "clip.mp4"
    cut(CutJob(source, target, start_s, end_s, SETTINGS))
    return target


def pictures(clip: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(clip)) as container:
        return [
            (round(frame.time, 2), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]


def numbers(clip: Path) -> list[tuple[float, int]]:
    return [(time_s, read_number(picture)) for time_s, picture in pictures(clip)]


@pytest.mark.parametrize("name", STEADY)
def test_a_clip_has_exactly_the_pictures_of_its_part(
    name: str, good_videos: dict[str, Path], tmp_path: Path
) -> None:
    clip = cut_out(good_videos[name], tmp_path, 1.0, 2.0)

    assert numbers(clip) == [(round(step * 0.04, 2), 25 + step) for step in range(25)]


@pytest.mark.parametrize("name", ["vp9.webm", "ten-bit.mp4", "animated.gif", "mpeg4.avi"])
def test_every_codec_becomes_one_that_browsers_play(
    name: str, good_videos: dict[str, Path], tmp_path: Path
) -> None:
    clip = cut_out(good_videos[name], tmp_path, 0.0, 1.0)

    with av.open(str(clip)) as container:
        codec = container.streams.video[0].codec_context
        assert (container.format.name[:7], codec.name, codec.pix_fmt) == (
            "mov,mp4",
            "h264",
            "yuv420p",
        )


def test_pictures_of_a_variable_rate_keep_their_own_times(
    good_videos: dict[str, Path], tmp_path: Path
) -> None:
    # Picture 30 stays from 1.2 to 2.1 s, then one comes every tenth of a second.
    clip = cut_out(good_videos["variable.mp4"], tmp_path, 1.5, 2.45)

    assert numbers(clip)[:5] == [(0.0, 30), (0.6, 31), (0.7, 32), (0.8, 33), (0.9, 34)]


def test_a_picture_that_stays_is_shown_until_the_end(
    odd_videos: dict[str, Path], tmp_path: Path
) -> None:
    clip = cut_out(odd_videos["one-frame.mp4"], tmp_path, 0.0, 5.0)

    with av.open(str(clip)) as container:
        assert container.duration == pytest.approx(5_000_000, abs=50_000)


def test_sixty_pictures_a_second_become_thirty(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "fast.mp4", [scene(number) for number in range(60)], rate=60)

    assert len(pictures(cut_out(source, tmp_path, 0.0, 1.0))) == 30


def test_a_clip_to_keep_is_as_large_and_as_quick_as_its_video(tmp_path: Path) -> None:
    frames = [scene(number, width=1920, height=1080) for number in range(20)]
    source = write_clip(tmp_path / "large.mp4", frames, rate=60)
    target = tmp_path / "clip.mp4"

    cut(CutJob(source, target, 0.1, 0.3, SETTINGS, to_keep=True))

    kept = pictures(target)
    assert len(kept) == 12
    assert kept[0][1].shape == (1080, 1920, 3)


def test_a_turned_video_is_shown_upright(odd_videos: dict[str, Path], tmp_path: Path) -> None:
    clip = cut_out(odd_videos["rotated.mp4"], tmp_path, 0.0, 1.0)

    with av.open(str(clip)) as container:
        assert next(container.decode(video=0)).rotation == 90


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), (1280, 720)),
        ((1080, 1920), (720, 1280)),
        ((4000, 500), (1280, 160)),
        ((1600, 1200), (960, 720)),
        ((161, 97), (160, 96)),
        ((640, 360), (640, 360)),
        ((3000, 1), (1280, 2)),
    ],
)
def test_clips_are_at_most_720p_with_even_sides(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert playable_size(*size) == expected


def test_odd_sides_can_be_cut(tmp_path: Path) -> None:
    source = write_clip(
        tmp_path / "odd.webm",
        [scene(number, width=161, height=97) for number in range(5)],
        codec="libvpx-vp9",
        container="webm",
    )

    assert pictures(cut_out(source, tmp_path, 0.0, 0.2))[0][1].shape == (96, 160, 3)


def test_sound_stays_with_its_picture(tmp_path: Path) -> None:
    source = _beep_at(tmp_path / "beep.mkv", beep_s=2.0, length_s=4.0)

    clip = cut_out(source, tmp_path, 1.25, 3.5)

    with av.open(str(clip)) as container:
        times_s, loudness = [], []
        for frame in container.decode(audio=0):
            times_s.append(frame.time)
            loudness.append(np.abs(frame.to_ndarray()).max())
    assert times_s[int(np.argmax(np.array(loudness) > 0.05))] == pytest.approx(0.75, abs=0.05)


def test_a_video_without_sound_gives_a_clip_without_sound(
    good_videos: dict[str, Path], tmp_path: Path
) -> None:
    with av.open(str(cut_out(good_videos["plain.mp4"], tmp_path, 0.0, 1.0))) as container:
        assert [stream.type for stream in container.streams] == ["video"]


@pytest.mark.parametrize("name", ["cut-off.mp4", "bits-flipped.mp4"])
def test_what_can_be_read_of_a_damaged_video_is_cut(
    name: str, odd_videos: dict[str, Path], tmp_path: Path
) -> None:
    assert len(pictures(cut_out(odd_videos[name], tmp_path, 0.0, 0.8))) > 10


def test_files_that_are_not_indexed_are_not_cut_either(
    refused_files: dict[str, Path], tmp_path: Path
) -> None:
    for source in refused_files.values():
        with pytest.raises(DecodeFailed):
            cut_out(source, tmp_path, 0.0, 1.0)


def test_a_job_survives_being_written_down() -> None:
    job = CutJob(Path("/v/new\nline \udcff.mp4"), Path("/c/1.mp4"), 0.1, 2.5, SETTINGS)

    assert CutJob.from_json(job.as_json()) == job


def test_every_field_of_a_job_survives() -> None:
    settings = IndexSettings(max_hours=3)
    job = CutJob(Path("a"), Path("b"), 1.0, 2.0, settings, 0.5, to_keep=True, length_s=9.0)
    usual = CutJob(Path("c"), Path("d"), 0.0, 0.1, SETTINGS)
    assert CutJob.from_json(job.as_json()) == job
    assert CutJob.from_json(usual.as_json()) == usual
    for field in fields(CutJob):
        assert getattr(job, field.name) != getattr(usual, field.name)


def stamped(
    *times_s: float, start_s: float = 0.0, end_s: float = 1.0, to_keep: bool = True
) -> list[tuple[int, float]]:
    """The numbers and times of the pictures in a clip of pictures at these times."""
    timed = ((SimpleNamespace(number=at), time_s) for at, time_s in enumerate(times_s))
    job = CutJob(Path("a"), Path("b"), start_s, end_s, SETTINGS, to_keep=to_keep)
    found = []
    for picture in cutting._frames(timed, job):
        assert picture.time_base == cutting._CLOCK
        found.append((picture.number, round(float(picture.pts * picture.time_base), 3)))
    return found


def test_the_picture_on_the_screen_stands_at_the_beginning_of_a_clip() -> None:
    assert stamped(0.5, 1.5, 1.95, start_s=1, end_s=2) == [(0, 0), (1, 0.5), (2, 0.95)]
    assert stamped(0.5, 0.7, start_s=1, end_s=1.05) == [(1, 0)]
    # Times are stored rounded: this one is the beginning.
    assert stamped(0.5, 0.9995, 1.95, start_s=1, end_s=2) == [(1, 0), (2, 0.95)]
    assert stamped(0.5, 1.001, 1.95, start_s=1, end_s=2) == [(1, 0.001), (2, 0.95)]
    assert stamped(0.5, 1.003, 1.95, start_s=1, end_s=2) == [(0, 0), (1, 0.003), (2, 0.95)]


def test_a_clip_whose_first_picture_comes_late_begins_with_it() -> None:
    assert stamped(0.3, 0.95) == [(0, 0.3), (1, 0.95)]


def test_a_clip_ends_before_its_end() -> None:
    assert stamped(0.0, 0.95, 1.0, 1.5) == [(0, 0), (1, 0.95)]


def test_a_picture_that_stays_for_more_than_a_tenth_of_a_second_is_held() -> None:
    assert stamped(0.0, 0.91) == [(0, 0), (1, 0.91)]
    assert stamped(0.0, 0.89) == [(0, 0), (1, 0.89), (1, 0.969)]
    assert stamped(0.5, start_s=1, end_s=2) == [(0, 0), (0, 0.969)]
    assert stamped(0.5, start_s=1, end_s=1.09) == [(0, 0)]


def test_pictures_for_the_page_are_a_little_more_than_a_thirtysecond_of_a_second_apart() -> None:
    times_s = (0.0, 0.03, 0.031, 0.06, 0.062, 0.95)
    assert stamped(*times_s, to_keep=False) == [(0, 0), (2, 0.031), (4, 0.062), (5, 0.95)]
    assert [at for at, _ in stamped(*times_s)] == [0, 1, 2, 3, 4, 5]
    assert [at for at, _ in stamped(0.0, 0.0005, 0.002, 0.95)] == [0, 2, 3]


def test_a_place_without_any_picture_is_told() -> None:
    with pytest.raises(DecodeFailed, match="no picture can be read at this place"):
        stamped()


class EndedError(Exception):
    """The process would have ended with this code."""


def done(
    monkeypatch: pytest.MonkeyPatch, failure: Exception | None, *, copies: float | None = None
) -> tuple[int | None, object]:
    """The exit code of the child process whose work comes to this, and what it prints."""

    def cut_it(_job: CutJob) -> str:
        if failure is not None:
            raise failure
        return "the sound is missing"

    def end(code: int) -> None:
        raise EndedError(code)

    job = CutJob(Path("a"), Path("b"), 0.0, 1.0, SETTINGS)
    printed = io.StringIO()
    monkeypatch.setattr(cutting, "copied", lambda _job: copies)
    monkeypatch.setattr(cutting, "cut", cut_it)
    monkeypatch.setattr(cutting, "limit_memory", lambda _settings: None)
    monkeypatch.setattr(cutting.os, "_exit", end)
    monkeypatch.setattr(sys, "stdin", io.StringIO(job.as_json()))
    monkeypatch.setattr(sys, "stdout", printed)
    code = None
    try:
        cutting.main()
    except EndedError as ended:
        code = ended.args[0]
    return code, json.loads(printed.getvalue())


def test_the_child_process_tells_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = {"copied_from_s": None, "lost": "the sound is missing"}
    assert done(monkeypatch, None) == (None, lost)
    assert done(monkeypatch, None, copies=1.5) == (None, {"copied_from_s": 1.5, "lost": None})
    # Where it begins at nothing it is copied all the same.
    assert done(monkeypatch, None, copies=0.0) == (None, {"copied_from_s": 0.0, "lost": None})


@pytest.mark.parametrize(
    ("failure", "code", "told"),
    [
        (DecodeFailed("decode", "it is odd"), 3, "it is odd"),
        (MemoryError(), 3, "it cannot be cut"),
        (av.error.InvalidDataError(1094995529, "damaged"), 3, "it cannot be cut"),
        (OSError(errno.EINTR, "interrupted"), 3, "it cannot be cut"),
        (OSError(errno.ENOSPC, "full"), 4, errno.ENOSPC),
        (PermissionError(errno.EACCES, "closed"), 4, errno.EACCES),
    ],
)
def test_the_child_process_tells_why_it_could_not(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, code: int, told: object
) -> None:
    assert done(monkeypatch, failure) == (code, told)


@pytest.mark.parametrize(("start_s", "read_from_s"), [(0.5, 0.0), (1.5, 0.5)])
def test_pictures_are_read_from_a_second_before_as_far_as_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_s: float, read_from_s: float
) -> None:
    video, asked = write_clip(tmp_path / "a.mp4", [scene(1)] * 75), []
    pictures_from = cutting.PyAVReader.pictures_from

    def note(reader: cutting.PyAVReader, time_s: float) -> object:
        asked.append(time_s)
        return pictures_from(reader, time_s)

    monkeypatch.setattr(cutting.PyAVReader, "pictures_from", note)
    cut_out(video, tmp_path, start_s, start_s + 1)
    assert asked == [read_from_s]


def test_clips_for_the_page_have_a_keyframe_every_sixty_pictures(tmp_path: Path) -> None:
    frames = [scene(0, width=64, height=64)] * 130
    source = write_clip(tmp_path / "still.mp4", frames)
    with av.open(str(cut_out(source, tmp_path, 0.0, 5.2))) as clip:
        keyframes = [packet.is_keyframe for packet in clip.demux(video=0) if packet.size]
    assert [at for at, is_one in enumerate(keyframes) if is_one] == [0, 60, 120]


def _beep_at(path: Path, *, beep_s: float, length_s: float) -> Path:
    rate = 16_000
    seconds = np.arange(int(length_s * rate)) / rate
    samples = (12_000 * np.sin(seconds * 3000) * (seconds >= beep_s)).astype(np.int16)
    with av.open(str(path), "w") as output:
        picture = output.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        sound = output.add_stream("pcm_s16le", rate=rate, layout="mono")
        for number in range(int(length_s * 25)):
            frame = av.VideoFrame.from_ndarray(scene(number, width=64, height=64), format="rgb24")
            output.mux(picture.encode(frame))
        output.mux(picture.encode())
        for start in range(0, len(samples), 1024):
            block = samples[None, start : start + 1024]
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            output.mux(sound.encode(frame))
        output.mux(sound.encode())
    return path
