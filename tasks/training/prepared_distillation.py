"""A run of `kinodex distil` before its first step: a teacher, its frames, and a student."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from indexer.datasets.frames.library_frames import LibraryFrames
from indexer.datasets.frames.taught_batches import TaughtBatches
from models.clip.backbone import card_of
from models.clip.card import ModelCard
from models.clip.distilled import save_pictures, save_words, with_student, words_digest
from models.clip.preprocess import Preprocessing
from models.clip.sources import LoadedModel
from models.clip.student_folders import PICTURES_FILE, StudentCard, StudentShape
from models.clip.students import StudentTower, make_student
from models.heads.checkpoints import ACTIONS_FILE, HEAD_FILE, LoadedHead, save_head
from models.identity import ModelChoice
from models.metrics.imitation import first_clips_kept, same_first_text
from models.training.distilling import DistillationTask, Lesson, embedded, fit_projection
from models.training.files import CHECKPOINT_FILE
from models.training.loop import StepReport, Trainer, TrainingSettings
from search.catalog.embeddings import normalised
from search.fusing import fuse_sequences
from tasks.terminal.printing import talk

_FIRST = 10


@dataclass(frozen=True)
class Teacher:
    """The library's model in PyTorch, and what a student takes over from it.

    card: who it is; figures of a student name it
    head, actions: what fuses frames for search and for tags; None for a plain mean
    texts: unit embeddings of the library's labels and of neutral queries, (texts, dim)
    """

    choice: ModelChoice
    loaded: LoadedModel
    card: ModelCard
    head: LoadedHead
    actions: LoadedHead | None
    texts: np.ndarray


@dataclass(frozen=True)
class Student:
    """A student before its first step.

    pretrained: whether it begins with ImageNet's weights
    preprocessing: of its pictures, as open_clip writes it
    """

    shape: StudentShape
    pretrained: bool
    preprocessing: dict[str, Any]


@dataclass(frozen=True)
class PreparedDistillation:
    """A run that can begin.

    learnt_from: on what, in words
    origin: what a run that goes on must share with the one that began
    """

    teacher: Teacher
    student: Student
    training: LibraryFrames
    validation: LibraryFrames
    batch_size: int
    learnt_from: str
    device: torch.device
    origin: dict[str, str]

    def batches(self, seed: int) -> TaughtBatches:
        """What there is to learn from."""
        return TaughtBatches(self.training, self.batch_size, seed=seed, device=self.device)

    def trainer(
        self, settings: TrainingSettings, folder: Path, *, on_step: Callable[[StepReport], None]
    ) -> Trainer:
        """A run with these settings, which goes on where an earlier one in the folder stopped.

        Raises KinodexError where that had other options.
        """
        preprocessing = Preprocessing.from_config(self.student.preprocessing)
        batches = self.batches(settings.seed)
        tower = self._fresh_tower(settings.seed).to(self.device)
        if not (folder / CHECKPOINT_FILE).is_file():
            talk("the student looks at all frames once, to begin where it can")
            fit_projection(tower.network, tower.projection, batches, preprocessing)
        texts = torch.from_numpy(self.teacher.texts).to(self.device)
        return DistillationTask(
            tower,
            Lesson(batches, texts, self.teacher.card.logit_scale),
            preprocessing,
            settings,
            validate=self._validator(preprocessing),
            export=StudentExport(self),
            origin=self.origin,
        ).trainer(folder, on_step=on_step)

    def _fresh_tower(self, seed: int) -> StudentTower:
        torch.manual_seed(seed)
        return make_student(self.student.shape, pretrained=self.student.pretrained)

    def _validator(self, preprocessing: Preprocessing) -> Callable[[nn.Module], dict[str, float]]:
        judge = StudentJudge(self.validation, self.teacher.head, self.teacher.texts)

        def validate(tower: nn.Module) -> dict[str, float]:
            def encode(pictures: np.ndarray) -> np.ndarray:
                shown = torch.from_numpy(pictures).to(self.device)
                return embedded(tower, shown, preprocessing).float().cpu().numpy()

            with torch.autocast(self.device.type, enabled=False):
                return judge.figures(encode)

        return validate


class StudentJudge:
    """What a student makes of clips that it did not learn from, beside what the teacher made.

    frames: of those clips; head: what makes one embedding of a clip's frames, for both
    texts: unit embeddings that they are compared by, (texts, dim)
    """

    def __init__(self, frames: LibraryFrames, head: LoadedHead, texts: np.ndarray) -> None:
        self._frames, self._head, self._texts = frames, head, texts
        self._theirs = self._fused([segment.embeddings for segment in frames.segments])

    def figures(self, encode: Callable[[np.ndarray], np.ndarray]) -> dict[str, float]:
        """In percent: the cosine of frames; the clips with the same first text; what is kept of
        the first ten clips of each text.

        encode: uint8 pictures (n, 3, side, side) → embeddings (n, dim)
        """
        ours = [encode(np.array(pictures)) for pictures in self._frames.pictures]
        theirs = [segment.embeddings for segment in self._frames.segments]
        pairs = normalised(np.concatenate(ours)) * normalised(np.concatenate(theirs))
        fused = self._fused(ours)
        figures = {
            "cosine": float(100 * pairs.sum(axis=1).mean()),
            "same_first": same_first_text(fused, self._theirs, self._texts),
        }
        if len(fused) > _FIRST:  # else all of them are among the first
            kept = first_clips_kept(fused, self._theirs, self._texts, first=_FIRST)
            figures["kept"] = kept
        return figures

    def _fused(self, embeddings: list[np.ndarray]) -> np.ndarray:
        sampled = [
            rows[segment.unique_index]
            for rows, segment in zip(embeddings, self._frames.segments, strict=True)
        ]
        return fuse_sequences(self._head.head, sampled, device=torch.device("cpu"))


class StudentExport:
    """Writes the model that the student and the teacher's words are, with the teacher's heads."""

    def __init__(self, prepared: PreparedDistillation) -> None:
        self._prepared = prepared
        self._wrote_words = False

    def __call__(self, tower: nn.Module, folder: Path, figures: dict[str, float]) -> None:
        """Replace the files in `folder`."""
        prepared, teacher = self._prepared, self._prepared.teacher
        ours = self._fresh(tower)
        model = with_student(teacher.loaded.model, ours, prepared.student.preprocessing)
        if not self._wrote_words:  # they are the same at each step
            save_words(folder, model)
            self._wrote_words = True
        card = StudentCard(
            teacher=teacher.choice.words,
            pretrained=teacher.choice.pretrained,
            shape=prepared.student.shape,
            preprocessing=prepared.student.preprocessing,
            words_digest=words_digest(model),
            learnt_from=prepared.learnt_from,
            figures=figures,
        )
        save_pictures(folder, ours, card)
        choice = ModelChoice(card.name, weights=folder / PICTURES_FILE)
        self._save_heads(folder, choice, LoadedModel(model, teacher.loaded.tokenize))

    def _fresh(self, tower: nn.Module) -> StudentTower:
        """A copy on the CPU that trains no further."""
        copied = make_student(self._prepared.student.shape, pretrained=False)
        copied.load_state_dict(tower.state_dict())
        return copied.eval()

    def _save_heads(self, folder: Path, choice: ModelChoice, loaded: LoadedModel) -> None:
        """The heads that the teacher's library has, as heads of the student.

        They learnt on the teacher's embeddings, which the student gives nearly, length and all.
        """
        encoder = card_of(choice, loaded).identity
        heads = (
            (HEAD_FILE, self._prepared.teacher.head),
            (ACTIONS_FILE, self._prepared.teacher.actions),
        )
        for name, head in heads:
            if head is None or head.card is None:
                continue
            card = replace(head.card, encoder=encoder, pretrained=None, figures={})
            save_head(folder / name, head.head, card)
