"""`kinodex distil`: a small model that sees a library's videos as the library's model does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from indexer.datasets.frames.cache import default_cache_folder
from indexer.datasets.frames.library_frames import LibraryFrameCache, LibraryFrames
from indexer.datasets.frames.taught_batches import enough_of, held_out
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone
from models.clip.devices import find_device
from models.clip.distilled import with_student
from models.clip.preprocess import Preprocessing
from models.clip.sources import load_model, preprocessing_of
from models.clip.student_folders import StudentShape
from models.clip.students import (
    check_square,
    has_imagenet_weights,
    make_student,
    student_preprocessing,
)
from models.errors import KinodexError
from models.files import typed_path
from models.heads.checkpoints import LoadedHead
from models.training.loop import TrainingSettings
from search.catalog.embeddings import normalised, unpack
from search.catalog.spaces import check_same_weights, choice_of, head_of
from search.catalog.store import Store
from search.catalog.tables import Space
from search.finding.matching import neutral_texts
from search.heads import load_fusing_head, load_tagging_head
from search.stored_frames import StoredVideo, stored_segments, stored_videos
from search.tags.reading import active_vocabulary
from search.wording import counted, printable, short_path
from tasks.terminal.bars import WorkBar
from tasks.terminal.model_flags import indexed_space
from tasks.terminal.outcomes import Exit, stop_on_interrupt
from tasks.terminal.printing import talk
from tasks.training.prepared_distillation import PreparedDistillation, Student, Teacher
from tasks.training.run import tell, train_in, with_length

_REASONS_SHOWN = 10
# An hour of footage is then learnt in minutes by a processor, and a third of the time remains of
# what larger pictures take to index.
_USUAL_SIDE = 128


@dataclass(frozen=True)
class DistillationRequest:
    """What `kinodex distil` is asked for.

    library: its folder; None for the usual one
    student: a network's name in timm
    side: of its pictures in pixels; None for what is usual
    stages: how many of the network's stages are kept; None for all
    most_frames: how many are learnt from at most, and lie in the cache
    share: of the videos, or segments, that is held out to measure on
    epochs: how long to train, in the place of the settings' steps
    """

    library: Path | None
    student: str
    out: Path
    side: int | None
    stages: int | None
    most_frames: int
    share: float
    batch_size: int
    cache: Path | None
    device: str | None
    settings: TrainingSettings
    epochs: float | None
    as_json: bool = False


def distil(request: DistillationRequest) -> int:
    """Train a student into a folder; → the exit code. Nothing in the library changes.

    Raises KinodexError for anything that the user must set right.
    """
    folder = typed_path(request.out)
    with Store.open(request.library) as library:
        prepared, left_out = prepare(library, request)
    if prepared is None:
        talk("stopped: run the same command again to go on")
        return Exit.INTERRUPTED
    settings = with_length(
        request.settings, request.epochs, prepared.batches(request.settings.seed).steps_per_epoch
    )
    report = train_in(
        folder, settings.steps, lambda on_step: prepared.trainer(settings, folder, on_step=on_step)
    )
    tell(report, folder, as_json=request.as_json)
    if not report.finished:
        return Exit.INTERRUPTED
    talk(f"next: kinodex index --model {printable(short_path(folder))} --library NEW FOLDER…")
    return Exit.SOME_FAILED if left_out else Exit.DONE


def prepare(
    library: Store, request: DistillationRequest
) -> tuple[PreparedDistillation | None, int]:
    """What a run begins with, and how many videos gave no frames; None after Ctrl-C.

    Raises KinodexError for a library without frames, a model that is not the library's any more,
    and a student that does not fit.
    """
    space = indexed_space(library)
    videos = stored_videos(library, space)
    if not videos:
        raise KinodexError(
            f"no video of the library {str(library.folder)!r} can be found now, so there are no "
            "frames to learn from"
        )
    teacher = _load_teacher(library, space)
    if teacher.card.reach:
        raise KinodexError(
            "the library's model sees the frames beside a frame too (3D patches), and a student "
            "sees one at a time: distil from a library of a model with 2D patches"
        )
    short_side = _square_side(teacher)
    student = _fitting_student(teacher, request, space.dim, teachers_side=short_side)
    cache = LibraryFrameCache(
        typed_path(request.cache or default_cache_folder()),
        Preprocessing.from_config(student.preprocessing),
        library.settings(IndexSettings),
        short_side=short_side,
    )
    frames, left_out = _read(library, space, enough_of(videos, request.most_frames), cache, videos)
    if frames is None:
        return None, left_out
    training, validation, what = held_out(frames, request.share)
    _say_what(teacher, student, training, validation, what)
    return PreparedDistillation(
        teacher=teacher,
        student=student,
        training=training,
        validation=validation,
        batch_size=request.batch_size,
        learnt_from=f"{training.count} frames of {counted(len(set(training.videos)), 'video')}",
        device=find_device(request.device),
        origin={
            "teacher": f"{teacher.choice} {teacher.card.identity.weights_digest}",
            "student": str(student.shape),
            "pretrained": str(student.pretrained),
            "batch_size": str(request.batch_size),
            "held_out": str(request.share),
            "frames": f"{training.count} and {validation.count}",
        },
    ), left_out


def _square_side(teacher: Teacher) -> int:
    """The side of its pictures. Raises StudentUnfit where they are no squares."""
    preprocessing = Preprocessing.from_config(preprocessing_of(teacher.loaded.model))
    check_square(preprocessing)
    return preprocessing.short_side


def _fitting_student(
    teacher: Teacher, request: DistillationRequest, dim: int, *, teachers_side: int
) -> Student:
    """The student that is asked for. Raises StudentUnfit before an hour of decoding.

    The teacher loses its picture tower, most of it, which is not needed any more.
    """
    side = request.side or min(_USUAL_SIDE, teachers_side)
    shape = StudentShape(request.student, side, dim, request.stages)
    pretrained = has_imagenet_weights(request.student)
    given = preprocessing_of(teacher.loaded.model)
    student = Student(shape, pretrained, student_preprocessing(given, shape, pretrained=pretrained))
    with_student(
        teacher.loaded.model, make_student(shape, pretrained=pretrained), student.preprocessing
    )
    return student


def _load_teacher(library: Store, space: Space) -> Teacher:
    choice = choice_of(space)
    loaded = load_model(choice, talk=talk)
    backbone = Backbone.in_torch(choice, loaded, torch.device("cpu"))
    # A library in int8 was encoded by a tower that was made of this model.
    check_same_weights(space, replace(backbone.identity, int8=space.int8))
    head = load_fusing_head(head_of(space), choice, backbone.identity, backbone.dim)
    with library.reading() as session:
        vocabulary = active_vocabulary(session)
        labels = [label.embedding for label in vocabulary.labels] if vocabulary else []
        tagged = session.get_one(Space, vocabulary.space_id) if vocabulary else None
    actions: LoadedHead | None = None
    if tagged is not None and tagged.head_digest is not None:
        actions = load_tagging_head(head_of(tagged), choice, backbone.identity, backbone.dim)
    texts = normalised(backbone.text_arrays(neutral_texts()))
    if labels:
        texts = np.concatenate([normalised(unpack(labels, space.dim)), texts])
    return Teacher(choice, loaded, backbone.card, head, actions, texts)


def _read(
    library: Store,
    space: Space,
    chosen: Sequence[StoredVideo],
    cache: LibraryFrameCache,
    videos: Sequence[StoredVideo],
) -> tuple[LibraryFrames | None, int]:
    """Decode what is not in the cache yet, with a bar; None after Ctrl-C."""
    frames = sum(video.frames for video in chosen)
    if len(chosen) < len(videos):
        talk(
            f"{frames} frames of {counted(len(chosen), 'video')} are enough, of {len(videos)}: "
            "--frames takes more"
        )
    talk(
        f"frames are kept in {printable(short_path(cache.folder))}, at most "
        f"{frames * cache.picture_bytes / 1e6:.0f} MB; it can be deleted at will"
    )
    with WorkBar("reading", "videos") as bar, stop_on_interrupt() as stop:
        found, failed = cache.frames_of(
            chosen,
            lambda video: stored_segments(library, space, video),
            on_progress=bar.show,
            stopped=stop.is_set,
        )
        if stop.is_set():
            return None, len(failed)
    _say_left_out(failed)
    if not found.count:
        raise KinodexError("no video of this library can be read now: see the reasons above")
    return found, len(failed)


def _say_left_out(failed: dict[Path, str]) -> None:
    if not failed:
        return
    talk(f"{counted(len(failed), 'video')} left out:")
    for path, reason in list(failed.items())[:_REASONS_SHOWN]:
        talk(f"  {printable(short_path(path))}: {reason}")
    if len(failed) > _REASONS_SHOWN:
        talk(f"  and {len(failed) - _REASONS_SHOWN} more")


def _say_what(
    teacher: Teacher,
    student: Student,
    training: LibraryFrames,
    validation: LibraryFrames,
    what: str,
) -> None:
    shape = student.shape
    start = "with ImageNet's weights" if student.pretrained else "from weights drawn at random"
    stages = "" if shape.stages is None else f", {counted(shape.stages, 'stage')} of it"
    talk(
        f"teacher {teacher.choice}; student {shape.network}{stages} at {shape.side} × {shape.side} "
        f"pixels, {start}"
    )
    held = len(set(validation.videos)) if what == "video" else len(validation.segments)
    talk(
        f"{training.count} frames to learn from; {counted(held, what)} held out, with "
        f"{counted(validation.count, 'frame')}"
    )
    if teacher.head.card is not None:
        talk(f"the head {teacher.head.identity.name} is taken over")
