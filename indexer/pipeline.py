"""Indexing a library: decode workers → batches across videos → model → one transaction a video."""

import contextlib
import math
import os
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from indexer.decoding import Decoded, DecodeFeed, Failed, Known, Message, Opened, Sampled
from indexer.discover import Discovery, discover
from indexer.encoding import Encoder, GrowingVideo
from indexer.keyframes import KEYFRAME_SIDE, write_keyframe
from indexer.library_settings import sampling_of
from indexer.pacing import Pace
from indexer.reading.errors import READ
from indexer.reading.settings import IndexSettings
from indexer.registration import PathToIndex, Scan, known_files, register
from indexer.tagging import TagsToCome
from models.clip.backbone import Backbone
from models.errors import KinodexError
from models.heads.checkpoints import LoadedHead
from search.catalog.lock import only_indexer
from search.catalog.reach import note_closed, opens
from search.catalog.spaces import SpaceIdentity, enter_space, find_or_make_space
from search.catalog.staging import answers, count_behind, take_over
from search.catalog.store import Store
from search.catalog.tables import Space
from search.catalog.writing import (
    find_content,
    find_indexed,
    hold,
    link_path,
    record_failure,
    store_video,
)
from search.heads import stored_file
from search.tags.tagger import LiveTagging, Tagger, TagReport
from search.vectors.segment_index import SegmentIndex

# How long frames wait for others to share their batch. On two cores batches of 32 are a seventh
# quicker than batches of 8, and the wait is no loss: decoding has all cores meanwhile.
_FRAMES_WAIT_S = 0.5


class IndexingListener(Protocol):
    """Hears how indexing goes; the command line draws its progress from this."""

    def on_scan(self, discovery: Discovery, scan: Scan) -> None:
        """The work is known."""

    def on_frames(self, job: PathToIndex, frames: int, fraction: float) -> None:
        """More frames were sampled; `fraction` of the video is decoded."""

    def on_done(self, job: PathToIndex) -> None:
        """A file is in the library."""

    def on_failed(self, job: PathToIndex, reason: str) -> None:
        """A file cannot be indexed."""


@dataclass
class IndexReport:
    """What a run did, counted as it happened."""

    encoded: int = 0  # videos decoded and encoded
    linked: int = 0  # files whose content was already there
    unchanged: int = 0
    failed: int = 0
    failed_before: int = 0  # and left alone this time
    newly_missing: int = 0
    behind: int = 0  # videos that keep another model or head from being used, see `Indexer.index`
    damaged: int = 0  # encoded, but with bad frames
    frames_sampled: int = 0
    frames_encoded: int = 0
    interrupted: bool = False
    tagging: TagReport | None = None  # where the whole library was tagged (again) at the end

    @property
    def is_empty(self) -> bool:
        """There was nothing to do, and no file was even looked into."""
        return self == IndexReport()

    @property
    def has_failures(self) -> bool:
        """Some files of this run's scope are not in the library."""
        return bool(self.failed or self.failed_before)


@dataclass
class Indexer:
    """Indexes files into one library with one model. Raises LibraryBusy if another one does.

    head: one that fuses a segment's frames, for this very model
    tagger: what gives segments their tags, for this very model; none get any without it
    """

    library: Store
    backbone: Backbone
    head: LoadedHead
    settings: IndexSettings
    listener: IndexingListener
    stop: threading.Event = field(default_factory=threading.Event)
    tagger: Tagger | None = None

    def index(
        self,
        paths: Sequence[Path],
        *,
        retry_failed: bool = False,
        switch_space: bool = False,
        only: Collection[Path] | None = None,
    ) -> IndexReport:
        """Bring the library in line with files and folders.

        switch_space: encode with another model, head or sampling than the library was made with.
            Searches go on with what is there until all that they find now is encoded anew;
            then the new is used from one moment to the next.
        only: the files to look into; others are left as they are, but for those that are gone,
            and a path that does not exist is not minded

        Raises SpaceMismatch when the library was made with another model, head or sampling, unless
        `switch_space`; KinodexError for a path that does not exist.
        """
        if only is None:
            check_paths(paths)
        if switch_space:
            paths = [*paths, *self._known(failed=False)]
        discovery = self._without_own_media(discover(paths, only=only))
        with only_indexer(self.library.folder):
            space = self._enter_space(switch=switch_space)
            with self.library.writing() as session:
                scan = register(session, discovery, space, retry_failed=retry_failed)
            self.listener.on_scan(discovery, scan)
            # Tags of segments that nothing finds yet are made when these take their place.
            tags_at_once = self.tagger and scan.jobs and space.active
            if self.tagger and tags_at_once:
                with TagsToCome(self.tagger, self.stop) as tags:
                    report = self._run(scan, space, tags)
                    tags.wait()
            else:
                report = self._run(scan, space, None)
            if not space.active and not self.stop.is_set():
                report.behind = self._take_over(space)
            if self.tagger and not report.behind and not self.stop.is_set():
                report.tagging = self.tagger.complete(stop=self.stop)
            report.interrupted = self.stop.is_set()
            return report

    def index_known(self, *, failed: bool, switch_space: bool = False) -> IndexReport:
        """Index the files that the catalog knows: those that failed, or all of them."""
        return self.index(
            self._known(failed=failed), retry_failed=failed, switch_space=switch_space
        )

    def _known(self, *, failed: bool) -> list[Path]:
        with self.library.reading() as session:
            known = known_files(session, failed=failed)
        return [path for path in known if os.path.lexists(path)]

    def _without_own_media(self, discovery: Discovery) -> Discovery:
        """What was found, without the clips that the library has cut for playing.

        The library may lie among the videos. Uploaded videos lie in it too, and are wanted.
        """
        own = self.library.folder / "media"
        files = tuple(found for found in discovery.files if not found.path.is_relative_to(own))
        return replace(discovery, files=files)

    def _enter_space(self, *, switch: bool) -> Space:
        identity = SpaceIdentity(
            self.backbone.identity, self.head.identity, sampling_of(self.settings)
        )
        with self.library.writing() as session:
            beside = switch and answers(session)
            enter = find_or_make_space if beside else partial(enter_space, switch=switch)
            return enter(
                session,
                identity,
                self.backbone.choice,
                dim=self.backbone.dim,
                head_file=stored_file(self.head, self.backbone.choice),
            )

    def _take_over(self, space: Space) -> int:
        """Let searches use a new space if it is whole; → how many videos it lacks."""
        with self.library.writing() as session:
            behind = count_behind(session, space)
            if not behind:
                take_over(session, session.merge(space))
        return behind

    def _run(self, scan: Scan, space: Space, tags: TagsToCome | None) -> IndexReport:
        run = _Run(self, space, tags)
        run.report.unchanged = scan.unchanged
        run.report.failed = scan.newly_failed
        run.report.failed_before = scan.failed_before
        run.report.newly_missing = scan.newly_missing
        run.work(scan.jobs)
        index = SegmentIndex(self.library, space)
        index.refresh()
        index.save()
        return run.report


class _Run:
    """The state of one pass over a list of jobs."""

    def __init__(self, indexer: Indexer, space: Space, tags: TagsToCome | None) -> None:
        self.report = IndexReport()
        self._library = indexer.library
        self._backbone = indexer.backbone
        self._settings = indexer.settings
        self._listener = indexer.listener
        self._stop = indexer.stop
        self._space = space
        self._tags = tags
        self._tagging: LiveTagging | None = None
        self._encoder = Encoder(indexer.backbone, indexer.head)
        self._open: dict[int, GrowingVideo] = {}

    def work(self, jobs: Sequence[PathToIndex]) -> None:
        """Take messages as they come; let the model work on full batches, or when none come."""
        with DecodeFeed(
            jobs,
            find_known=self._find_known,
            settings=_as_encoded(self._settings, self._backbone),
            short_side=max(self._backbone.preprocessing.short_side, KEYFRAME_SIDE),
            workers=_decode_workers(self._backbone),
            stop=self._stop,
        ) as feed:
            pace, waited_s = Pace(os.cpu_count() or 1), 0.0
            while not self._stop.is_set():
                waiting = self._encoder.waiting_frames
                asked_s = time.monotonic()
                message = feed.take(patience_s=_FRAMES_WAIT_S if waiting else math.inf)
                waited_s += time.monotonic() - asked_s
                if pace.wants_one_more(feed.workers, waited_s):
                    feed.add_worker()
                if message is not None:
                    self._handle(message, feed)
                elif not waiting:
                    return
                if message is None or self._encoder.is_full:
                    self._encode(feed)

    def _handle(self, message: Message, feed: DecodeFeed) -> None:
        match message:
            case Opened(job=job):
                self._open[job.path_id] = GrowingVideo(message)
            case Sampled(job=job, segment=segment):
                video = self._open[job.path_id]
                video.waiting += 1
                self._encoder.add(job, segment)
                self.report.frames_sampled += len(segment.frame_times_s)
                expected_s = video.opened.info.duration_s or segment.end_s
                fraction = min(1.0, segment.end_s / expected_s)
                self._listener.on_frames(job, len(segment.frame_times_s), fraction)
            case Decoded(job=job, summary=summary):
                self._open[job.path_id].summary = summary
                self._finish(job, feed)
            case Known(job=job, video_id=video_id):
                self._link(job, video_id)
            case Failed(job=job):
                self._fail(message, feed)

    def _encode(self, feed: DecodeFeed) -> None:
        if self._tags is not None and self._tagging is None:
            self._tagging = self._tags.ready()
            if self._tagging is not None:
                self._encoder.fuse_for_actions(self._tagging.head)
        self.report.frames_encoded += self._encoder.waiting_frames
        for job, decoded, segment in self._encoder.encode():
            video = self._open.get(job.path_id)
            if video is None:  # it failed while this segment waited
                continue
            video.segments[decoded.index] = segment
            video.keyframes[decoded.index] = decoded.keyframe_jpeg
            video.waiting -= 1
            self._finish(job, feed)

    def _finish(self, job: PathToIndex, feed: DecodeFeed) -> None:
        video = self._open[job.path_id]
        if video.summary is None or video.waiting:
            return
        finished = video.finished(video.summary)
        with self._library.writing() as session:
            video_id, segment_ids = store_video(session, finished, self._space)
            embeddings = [segment.action_embedding for segment in finished.segments]
            # One that was begun before the labels were read gets its tags when the run ends.
            if self._tagging is not None and not any(one is None for one in embeddings):
                self._tagging.store(session, segment_ids, embeddings)
            link_path(session, job.path_id, video_id, stamp=job.stamp)
        del self._open[job.path_id]
        self.report.encoded += 1
        self.report.damaged += finished.bad_frames > 0
        self._listener.on_done(job)
        for position, segment_id in enumerate(segment_ids):
            with contextlib.suppress(OSError):  # it is drawn again when somebody looks at it
                write_keyframe(self._library.keyframe_file(segment_id), video.keyframes[position])
        for copy in feed.release(finished.content_hash):
            self._link(copy, video_id)

    def _link(self, job: PathToIndex, video_id: int) -> None:
        with self._library.writing() as session:
            link_path(session, job.path_id, video_id, stamp=job.stamp)
        self.report.linked += 1
        self._listener.on_done(job)

    def _fail(self, failure: Failed, feed: DecodeFeed) -> None:
        self._open.pop(failure.job.path_id, None)
        copies = feed.release(failure.content_hash) if failure.content_hash else []
        for job in (failure.job, *copies):
            # A file that went away with its disk is not broken: it waits for the next run.
            if os.path.exists(job.path):  # noqa: PTH110 (Path.exists raises for a stale mount)
                self._note_failure(job, failure)
            self.report.failed += 1
            self._listener.on_failed(job, failure.reason)

    def _note_failure(self, job: PathToIndex, failure: Failed) -> None:
        """What is wrong with a file; if its content could be read, whether we have that."""
        with self._library.writing() as session:
            if failure.content_hash and failure.stage != READ:
                known = find_content(session, failure.content_hash)
                hold(session, job.path_id, known, stamp=job.stamp)
            record_failure(session, job.path_id, stage=failure.stage, reason=failure.reason)
            if failure.stage == READ and not opens(job.path):
                note_closed(session, [job.path_id])

    def _find_known(self, content_hash: str) -> int | None:
        with self._library.reading() as session:
            return find_indexed(session, content_hash, self._space)


def check_paths(paths: Sequence[Path]) -> None:
    """Raise KinodexError for the first path that leads nowhere."""
    for path in paths:
        if not path.exists():
            raise KinodexError(f"there is no file or folder {str(path)!r}")


def _as_encoded(settings: IndexSettings, backbone: Backbone) -> IndexSettings:
    """How files are read for a model: one that sees the frames beside a frame needs all of them."""
    if not backbone.sees_neighbours:
        return settings
    return settings.model_copy(update={"skip_duplicates": False})


def _decode_workers(backbone: Backbone) -> int:
    # On a CPU decoding takes its cores from the model. Where this proves too few, more come.
    share = 4 if backbone.device_type == "cpu" else 2
    return max(1, (os.cpu_count() or 1) // share)
