"""Tagging a library: from stored frames, all at once or not at all, encoding nothing twice."""

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sqlalchemy import delete, func, select, update

from models.clip.backbone import Backbone
from models.errors import KinodexError
from models.heads.checkpoints import default_action_head
from models.heads.fit import HeadMismatch
from models.identity import HeadChoice, HeadIdentity, ModelChoice
from models.labels.prompts import PromptTemplates
from search.catalog.embeddings import pack
from search.catalog.keeping import purge_unheld
from search.catalog.lock import LibraryBusy, only_indexer
from search.catalog.settings import TagSettings
from search.catalog.spaces import SpaceIdentity, SpaceMismatch, active_space, find_or_make_space
from search.catalog.store import EmptyLibrary, Store
from search.catalog.summary import summarise
from search.catalog.tables import Segment, SegmentEmbedding, Space
from search.catalog.tag_tables import Label, SegmentTag, Vocabulary
from search.catalog.writing import remove_paths
from search.tags import label_encoding
from search.tags.counting import summarise_tags
from search.tags.planning import TagRequest, make_tagger, wanted_by, wanted_for_new_videos
from search.tags.reading import TagFilter, active_vocabulary, find_tagged, tags_of
from search.tags.scoring import TagScorer, embeddings_by_chunk
from search.tags.tagger import TagReport
from search.tags.vocabulary import BadVocabulary
from tests.search.finding.test_engine import Shelf, axis
from tests.search.planted import plan, plant, tag, tagger
from tests.tiny import save_tiny_head, tiny_backbone, with_other_text_tower


@pytest.fixture
def shelf(library, backbone) -> Shelf:
    shelf = Shelf(library, backbone)
    for number in range(4):
        shelf.put(f"/v/{number}.mp4", axis(number), axis(number + 4))
    return shelf


def stored(library: Store) -> list[tuple]:
    """All tags, by segment."""
    with library.reading() as session:
        rows = session.execute(
            select(SegmentTag.segment_id, Label.text, SegmentTag.probability, SegmentTag.kept)
            .join(Label, Label.id == SegmentTag.label_id)
            .order_by(SegmentTag.segment_id, Label.text)
        )
        return [tuple(row) for row in rows]


def vocabulary(library: Store) -> Vocabulary:
    with library.reading() as session:
        return active_vocabulary(session)


def dump(library: Store) -> list[str]:
    """Everything that the catalog holds."""
    with sqlite3.connect(library.catalog_file) as connection:
        return list(connection.iterdump())


def test_every_segment_gets_tags_or_at_least_a_runner_up(library, backbone, shelf):
    plant(library, backbone)
    report = tag(library, backbone)
    assert report == TagReport(segments=8, tagged=3, tags=3, labels=3, fused=8)
    kept = [(segment, label) for segment, label, _, kept in stored(library) if kept]
    assert kept == [(1, "jumping"), (3, "spinning"), (5, "falling down")]
    assert {segment for segment, *_, kept in stored(library) if not kept} == set(range(1, 9))


def test_a_report_of_nothing_counts_nothing():
    assert TagReport(segments=3) == TagReport(3, 0, 0, 0, 0, 0, interrupted=False)


def test_searches_keep_their_space(library, backbone, shelf):
    before = shelf.engine.search_vector(axis(2)[0], 3)
    tag(library, backbone)
    with library.reading() as session:
        active, tagging = active_space(session), session.scalar(select(Space).where(Space.tagging))
    assert (active.head, tagging.head, active.id == tagging.id) == ("meanP", "MeanP", False)
    after = shelf.engine.search_vector(axis(2)[0], 3)
    assert [hit.segment for hit in after] == [hit.segment for hit in before]


def test_without_an_action_head_labels_are_as_likely_as_the_model_says(
    library, backbone, shelf, monkeypatch
):
    card = replace(backbone.card, tag_calibration=(0.5, -3.0))
    monkeypatch.setattr(backbone, "card", card)
    tag(library, backbone, plan(["running", "jumping"]))
    found = vocabulary(library)
    assert (found.calibration_scale, found.calibration_offset) == (0.5, -3.0)


def test_a_second_run_encodes_and_fuses_nothing_and_changes_nothing(
    library, backbone, shelf, monkeypatch
):
    assert tag(library, backbone).labels_encoded == 3
    before = stored(library)
    monkeypatch.setattr(label_encoding, "check_lengths", None)
    report = tag(library, backbone)
    assert (report.labels_encoded, report.fused) == (0, 0)
    assert stored(library) == before


def test_only_labels_that_are_new_are_encoded(library, backbone, shelf):
    tag(library, backbone)
    report = tag(library, backbone, plan(["spinning", "sleeping", "jumping"], name="other"))
    assert (report.labels, report.labels_encoded) == (3, 1)
    assert tag(library, backbone, plan(["sleeping"], templates=["a {} cat"])).labels_encoded == 1


def test_label_embeddings_do_not_depend_on_what_else_was_encoded(library, backbone, shelf):
    tag(library, backbone, plan(["spinning", "jumping high up into the air"]))
    with library.reading() as session:
        alone = session.scalar(select(Label.embedding).where(Label.text == "spinning"))
    with library.writing() as session:
        session.execute(delete(Vocabulary))
    tag(library, backbone, plan(["eating", "spinning"]))
    with library.reading() as session:
        again = session.scalar(select(Label.embedding).where(Label.text == "spinning"))
    np.testing.assert_allclose(np.frombuffer(again, "<f2"), np.frombuffer(alone, "<f2"), atol=2e-3)


def test_one_vocabulary_is_active_and_its_name_stands_once(library, backbone, shelf):
    tag(library, backbone)
    tag(library, backbone, plan(["sleeping"], name="other"))
    tag(library, backbone, plan(["jumping", "sleeping"]))
    with library.reading() as session:
        rows = session.execute(select(Vocabulary.name, Vocabulary.active)).all()
    assert sorted(rows) == [("mine", True), ("other", False)]
    assert {label for _, label, *_ in stored(library)} <= {"jumping", "sleeping"}
    assert summarise(library).vocabulary == "mine"


def test_floors_pull_down_a_label_that_is_near_to_everything(library, backbone):
    shelf = Shelf(library, backbone)
    random = np.random.default_rng(4)
    for number in range(200):
        # Every segment has much of the first axis; every tenth one also of the second.
        frames = axis(0) + 0.3 * random.standard_normal((1, 24)) + (number % 10 == 0) * axis(1)
        shelf.put(f"/v/{number}.mp4", frames.astype(np.float32))
    plant(library, backbone)
    tag(library, backbone)
    floors = np.frombuffer(vocabulary(library).floors, "<f4")
    assert floors[0] > 0.2 > floors[1]
    assert vocabulary(library).floor_segments == 200
    with library.reading() as session:
        space_id = vocabulary(library).space_id
        scorer = TagScorer.of(active_vocabulary(session))
        [(_, videos)] = embeddings_by_chunk(session, space_id, scorer.dim)
        without_floors = scorer.above(torch.zeros(3)).probabilities(videos)[:, 0] >= 0.5
        with_floors = find_tagged(session, TagFilter(("jumping",)))
    assert without_floors.sum() > 130
    assert len(with_floors.ids) < 70


def test_a_library_that_has_grown_is_measured_anew(library, backbone, shelf):
    stop = threading.Event()
    one = tagger(library, backbone)
    assert one.complete(stop=stop).segments == 8
    assert one.complete(stop=stop) is None
    shelf.put("/w/1.mp4", axis(1))
    assert one.complete(stop=stop).segments == 9  # it had no tags yet
    assert one.complete(stop=stop) is None
    live = one.enter()
    for number in range(10):
        [segment] = shelf.put(f"/x/{number}.mp4", axis(1))
        with library.writing() as session:
            live.store(session, [segment], [axis(1)[0]])
    assert vocabulary(library).floor_segments == 9
    assert one.complete(stop=stop).segments == 19
    assert vocabulary(library).floor_segments == 19


def test_a_video_tagged_while_indexing_gets_what_tagging_again_gives(library, backbone, shelf):
    plant(library, backbone)
    tag(library, backbone)
    live = tagger(library, backbone).enter()
    vector = (0.8 * axis(0) + 0.6 * axis(1))[0]
    [segment] = shelf.put("/w/1.mp4", vector[None])
    with library.writing() as session:
        live.store(session, [segment], [vector])
        kept = select(SegmentEmbedding.embedding).where(
            SegmentEmbedding.segment_id == segment, SegmentEmbedding.space_id == live.space_id
        )
        assert session.scalars(kept).all() == [pack(vector)]
        live.store(session, [], [])  # a video without segments
    at_once = [row[1:] for row in stored(library) if row[0] == segment]
    assert [(label, kept) for label, _, kept in at_once] == [
        ("falling down", False),
        ("jumping", True),
        ("spinning", True),
    ]
    tag(library, backbone)
    again = [row[1:] for row in stored(library) if row[0] == segment]
    for (label, probability, kept), expected in zip(again, at_once, strict=True):
        # Floors were measured anew, with one segment more.
        assert (label, pytest.approx(probability, abs=0.05), kept) == expected


def test_a_stopped_run_leaves_the_tags_as_they_were(library, backbone, shelf):
    tag(library, backbone)
    before = stored(library)
    stop = threading.Event()
    stop.set()
    one = tagger(library, backbone, plan(["sleeping"], name="other"))
    assert one.run(on_progress=lambda *_: None, stop=stop).interrupted
    assert stored(library) == before
    assert vocabulary(library).name == "mine"


def test_segments_that_vanish_while_tags_are_made_are_left_out(library, backbone, shelf):
    one = tagger(library, backbone)
    real = type(one)._measured

    def removing(self, *arguments):
        measured = real(self, *arguments)
        with library.writing() as session:
            remove_paths(session, Path("/v/1.mp4"))
            purge_unheld(session, days=0)
        return measured

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(one), "_measured", removing)
        one.run(on_progress=lambda *_: None, stop=threading.Event())
    assert {row[0] for row in stored(library)} == {1, 2, 5, 6, 7, 8}


def test_a_purged_video_takes_its_tags_along(library, backbone, shelf):
    tag(library, backbone)
    with library.writing() as session:
        remove_paths(session, Path("/v/0.mp4"))
        purge_unheld(session, days=0)
    assert {row[0] for row in stored(library)} == {3, 4, 5, 6, 7, 8}


def test_a_label_that_the_model_cannot_read_changes_nothing(library, backbone, shelf):
    tag(library, backbone)
    before = dump(library)
    long = "jumping over one fence after another and then over all of them again" + " and" * 9
    with pytest.raises(BadVocabulary, match="jumping over one fence"):
        tag(library, backbone, plan([long]))
    assert dump(library) == before


def test_another_visual_tower_is_refused(library, backbone, shelf):
    with pytest.raises(SpaceMismatch, match="kinodex index --reindex"):
        tag(library, tiny_backbone(seed=2))


def test_an_empty_library_says_what_to_do(library, backbone):
    with pytest.raises(EmptyLibrary, match="run 'kinodex index FOLDER' first"):
        tag(library, backbone)


def test_nobody_tags_while_another_indexes(library, backbone, shelf):
    with only_indexer(library.folder), pytest.raises(LibraryBusy):
        tag(library, backbone)


def test_a_library_without_segments_has_no_tags_and_no_trouble(library, backbone):
    Shelf(library, backbone)
    assert tag(library, backbone) == TagReport(segments=0, labels=3, labels_encoded=3)
    assert tagger(library, backbone).complete(stop=threading.Event()) is None
    with library.reading() as session:
        summary = summarise_tags(session)
    assert (summary.segments, summary.untagged) == (0, 0)


# What is wanted


def wanted(library: Store, backbone: Backbone, **request):
    with library.reading() as session:
        return wanted_by(session, TagRequest(**request), library.settings(TagSettings), backbone)


def wanted_now(library: Store, backbone: Backbone, sampling: dict | None = None):
    with library.reading() as session:
        return wanted_for_new_videos(
            session, library.settings(TagSettings), backbone, sampling or {}
        )


def test_a_new_library_gets_the_usual_list_of_its_model(library, backbone, shelf):
    asked = wanted(library, backbone)
    assert (asked.plan.words.name, len(asked.plan.words.labels)) == ("kinetics-400", 400)
    assert asked.plan.templates == PromptTemplates.default().texts
    assert (asked.plan.min_probability, asked.plan.most) == (0.5, 5)
    assert asked.head == default_action_head(backbone.choice)


def test_a_model_whose_texts_are_padded_puts_labels_into_few_sentences(
    library, backbone, shelf, monkeypatch
):
    sixteen, few = PromptTemplates.default().texts, PromptTemplates.few().texts
    assert set(few) < set(sixteen)
    monkeypatch.setattr(backbone.engine, "pads_texts", True)
    try:
        assert wanted(library, backbone).plan.templates == few
        assert wanted(library, backbone, templates=Path("sixteen")).plan.templates == sixteen
    finally:
        monkeypatch.undo()
    assert wanted(library, backbone).plan.templates == sixteen


@pytest.mark.parametrize(
    ("stored", "padded", "then"),
    [
        ("default", True, "few"),
        ("few", False, "default"),
        ("default", False, "default"),
        (None, True, None),
    ],
)
def test_another_model_brings_its_own_usual_sentences_where_the_usual_ones_were(
    library, backbone, shelf, monkeypatch, stored, padded, then
):
    own = ("mine: {}",)
    texts = {name: getattr(PromptTemplates, name)().texts for name in ("default", "few")}
    tag(library, backbone, plan(templates=texts.get(stored, own)))
    other = tiny_backbone(seed=2)
    monkeypatch.setattr(other.engine, "pads_texts", padded)
    assert wanted_now(library, other).plan.templates == texts.get(then, own)


@pytest.mark.parametrize(
    ("stored", "asked", "then"),
    [
        ("of_things", "kinetics-400", "default"),
        ("default", "imagenet-1k", "of_things"),
        ("few", "imagenet-1k", "of_things"),
        ("of_things", "imagenet-1k", "of_things"),
        ("few", "ucf-101", "few"),
        (None, "imagenet-1k", None),
    ],
)
def test_names_of_things_are_put_into_another_sentence_than_actions(
    library, backbone, shelf, stored, asked, then
):
    own = ("mine: {}",)
    usual = ("default", "few", "of_things")
    texts = {name: getattr(PromptTemplates, name)().texts for name in usual}
    assert wanted(library, backbone, vocabulary="imagenet-1k").plan.templates == texts["of_things"]
    tag(library, backbone, plan(templates=texts.get(stored, own)))
    assert wanted(library, backbone, vocabulary=asked).plan.templates == texts.get(then, own)


def test_sentences_that_were_asked_for_stay_while_the_vocabulary_does(library, backbone, shelf):
    things = {"vocabulary": "imagenet-1k"}
    asked = wanted(library, backbone, templates=Path("sixteen"), **things).plan
    words = replace(asked.words, labels=asked.words.labels[:3])
    tag(library, backbone, replace(asked, words=words))
    for request in ({}, things):
        assert wanted(library, backbone, **request).plan.templates == asked.templates
    assert len(asked.templates) == 16


def test_another_model_brings_the_labels_that_it_knows(library, backbone, shelf, monkeypatch):
    monkeypatch.setattr(backbone, "choice", ModelChoice("imagenet"))
    asked = wanted(library, backbone)
    assert asked.plan.words.name == "imagenet-1k"
    words = replace(asked.plan.words, labels=asked.plan.words.labels[:3])
    tag(library, backbone, replace(asked.plan, words=words))
    plan = wanted_now(library, tiny_backbone(seed=2)).plan
    assert (plan.words.name, plan.templates) == ("kinetics-400", PromptTemplates.default().texts)


def test_options_come_before_settings_and_settings_before_what_is_there(
    library, backbone, shelf, tmp_path
):
    (library.folder / "mine.txt").write_text("jumping\n")
    tag(library, backbone, plan(["sleeping"], name="there"))
    assert wanted(library, backbone).plan.words.name == "there"
    library.settings_file.write_text("[tags]\nvocabulary = 'mine.txt'\nmost = 2\n")
    asked = wanted(library, backbone)
    assert (asked.plan.words.labels, asked.plan.most) == (("jumping",), 2)
    asked = wanted(library, backbone, vocabulary="hmdb-51", most=7, min_probability=0.25)
    assert (asked.plan.words.name, asked.plan.most, asked.plan.min_probability) == (
        "hmdb-51",
        7,
        0.25,
    )
    # Videos that are indexed meanwhile get what the others have.
    assert wanted_now(library, backbone).plan.words.name == "there"


def test_a_file_that_was_edited_is_read_again_and_one_that_is_gone_is_not_needed(
    library, backbone, shelf, tmp_path
):
    file = tmp_path / "mine.txt"
    file.write_text("jumping\n")
    asked = wanted(library, backbone, vocabulary=str(file))
    make_tagger(library, backbone, asked, print).run(
        on_progress=lambda *_: None, stop=threading.Event()
    )
    file.write_text("jumping\nsleeping\n")
    assert wanted(library, backbone).plan.words.labels == ("jumping", "sleeping")
    assert wanted_now(library, backbone).plan.words.labels == ("jumping",)
    file.unlink()
    assert wanted(library, backbone).plan.words.labels == ("jumping",)


def test_bad_files_are_refused_before_anything_changes(library, backbone, shelf, tmp_path):
    tag(library, backbone)
    before = dump(library)
    file = tmp_path / "bad.txt"
    for content in (b"", b"a\na\n", b"\xff", b"x " * 300):
        file.write_bytes(content)
        with pytest.raises(BadVocabulary, match=r"bad\.txt"):
            wanted(library, backbone, vocabulary=str(file))
    assert dump(library) == before


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("min_probability = 1.5", "min_probability: input should be less than 1"),
        ("most = 0", "most: input should be greater than or equal to 1"),
        ("vocabluary = 'x'", "vocabluary: extra inputs are not permitted"),
    ],
)
def test_bad_settings_name_file_and_key(library, line, sentence):
    library.settings_file.write_text(f"[tags]\n{line}\n")
    with pytest.raises(KinodexError, match=sentence):
        library.settings(TagSettings)
    assert TagSettings().head == "auto"


def test_tags_of_another_text_tower_go_on_while_videos_come(library, backbone, shelf):
    other = with_other_text_tower(backbone)
    tag(library, other)
    asked = wanted_now(library, backbone)
    assert asked.encoder.weights_digest == other.identity.weights_digest
    before = stored(library)
    live = make_tagger(library, backbone, asked, print).enter()
    assert live.vocabulary.id == vocabulary(library).id
    assert stored(library) == before


def test_another_model_takes_the_labels_along_and_reads_them_anew(library, backbone, shelf):
    tag(library, backbone)
    other = tiny_backbone(seed=2)
    asked = wanted_now(library, other)
    assert asked.plan.words.labels == ("jumping", "spinning", "falling down")
    assert asked.model == other.choice


@pytest.mark.parametrize(
    ("name", "file", "labels"),
    [
        ("kinetics-400", None, 18),  # the usual list of a model gives way to that of the next
        ("kinetics-400", Path("/lists/kinetics-400"), 3),
        ("hmdb-51", None, 3),
    ],
)
def test_another_model_brings_its_own_usual_list_where_the_usual_one_was(
    library, backbone, shelf, monkeypatch, name, file, labels
):
    tag(library, backbone, replace(plan(), words=replace(plan().words, name=name, file=file)))
    other = tiny_backbone(seed=2)
    monkeypatch.setattr(other, "choice", ModelChoice("bundled"))
    asked = wanted_now(library, other)
    assert len(asked.plan.words.labels) == labels
    assert asked.plan.words.name == ("small-world" if labels == 18 else name)
    assert (asked.plan.words.file, asked.encoder) == (file, other.identity)


def test_another_sampling_is_tagged_by_the_model_that_is_there(library, backbone, shelf):
    other = with_other_text_tower(backbone)
    tag(library, other)
    assert wanted_now(library, backbone).encoder == other.identity
    assert wanted_now(library, backbone, {"sample_rate": 3.0}).encoder == backbone.identity


def test_a_library_keeps_the_action_head_of_its_tags_until_its_file_is_gone(
    library, backbone, shelf, tmp_path
):
    file = save_tiny_head(tmp_path / "own.safetensors", backbone, name="seqTransf")
    with library.writing() as session:
        head = HeadIdentity("seqTransf", "digest")
        identity = SpaceIdentity(backbone.identity, head, {})
        space = find_or_make_space(session, identity, backbone.choice, dim=24, head_file=file)
    plant(library, backbone)
    with library.writing() as session:
        session.execute(update(Vocabulary).values(space_id=space.id))
    assert (wanted(library, backbone).head.file, wanted_now(library, backbone).head.file) == (
        file,
        file,
    )
    # Another model cannot use it.
    assert wanted(library, tiny_backbone(seed=2)).head == default_action_head(backbone.choice)
    file.unlink()
    for ask in (wanted, wanted_now):
        with pytest.raises(HeadMismatch, match="is gone: bring it back"):
            ask(library, backbone)
    assert wanted(library, backbone, head="MeanP").head == HeadChoice("MeanP")


def test_more_segments_than_fit_into_one_step_are_all_tagged(library, backbone, monkeypatch):
    from search.tags import scoring as tag_scoring
    from search.tags import writing as tag_storage

    monkeypatch.setattr(tag_scoring, "_SEGMENTS_AT_ONCE", 3)
    monkeypatch.setattr(tag_scoring, "_PROBABILITIES_AT_ONCE", 6)
    monkeypatch.setattr(tag_storage, "_ROWS_AT_ONCE", 2)
    shelf = Shelf(library, backbone)
    shelf.put("/v/a.mp4", *[axis(number % 3) for number in range(11)])
    plant(library, backbone)
    assert tag(library, backbone).tagged == 11
    with library.reading() as session:
        tags = tags_of(session, list(range(1, 12)))
        count = session.scalar(select(func.count(SegmentEmbedding.segment_id)))
        assert count == 2 * session.scalar(select(func.count(Segment.id)))
    assert [found[0].label for found in tags.values()][:4] == [
        "jumping",
        "spinning",
        "falling down",
        "jumping",
    ]
