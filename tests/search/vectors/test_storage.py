"""An index on disk: round trips, damage, kills between any two steps, two processes."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import faiss
import numpy as np
import pytest

from search.vectors import storage
from search.vectors.faiss_index import FaissIndex
from search.vectors.storage import DamagedIndex, MissingIndex, load, read_manifest, save
from tests.disks import failing

DIM = 16
SPACE = "tiny/0123"


def vectors(count: int, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((count, DIM))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def index_of(count: int, *, kind: str = "flat", dim: int = DIM) -> FaissIndex:
    index = FaissIndex(dim, kind=kind)
    if count:
        index.add(np.arange(count), vectors(count) if dim == DIM else np.eye(dim)[:count])
    return index


def index_file(folder: Path) -> Path:
    return folder / read_manifest(folder).file


@pytest.mark.parametrize("kind", ["flat", "ivf"])
@pytest.mark.parametrize("count", [0, 1, 2000])
def test_what_was_saved_is_loaded(tmp_path: Path, kind: str, count: int) -> None:
    index = index_of(count, kind=kind)
    manifest = save(index, tmp_path / "new" / "space", space=SPACE, revision=17)

    loaded, loaded_manifest = load(tmp_path / "new" / "space", space=SPACE, dim=DIM)

    assert loaded_manifest == manifest
    assert (manifest.revision, manifest.space, manifest.count) == (17, SPACE, count)
    assert loaded.kind == index.kind
    assert loaded.ids().tolist() == list(range(count))
    for query in vectors(5, seed=1):
        before, after = index.search(query, 10), loaded.search(query, 10)
        assert after.ids.tolist() == before.ids.tolist()
        assert after.scores.tolist() == before.scores.tolist()


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_loaded_index_can_be_changed_and_saved_again(tmp_path: Path, kind: str) -> None:
    save(index_of(1000, kind=kind), tmp_path, space=SPACE, revision=1)
    index, _ = load(tmp_path, space=SPACE, dim=DIM)
    index.remove(np.arange(500))
    index.add([7777], vectors(1, seed=2))

    save(index, tmp_path, space=SPACE, revision=2)

    again, manifest = load(tmp_path, space=SPACE, dim=DIM)
    assert manifest.revision == 2
    assert again.ids().tolist() == [*range(500, 1000), 7777]
    assert again.search(vectors(1, seed=2)[0], 1).ids.tolist() == [7777]


def test_saving_keeps_one_index_and_one_manifest(tmp_path: Path) -> None:
    for revision in range(3):
        manifest = save(index_of(10), tmp_path, space=SPACE, revision=revision)

    assert sorted(path.name for path in tmp_path.iterdir()) == [manifest.file, "manifest.json"]


def test_leftovers_of_killed_saves_go_after_an_hour(tmp_path: Path) -> None:
    old = tmp_path / "index-00000000000000aa.faiss.12345678.tmp"
    fresh = tmp_path / "index-00000000000000bb.faiss"
    foreign = tmp_path / "notes.txt"
    for path in (old, fresh, foreign):
        path.write_text("left")
    os.utime(old, (time.time() - 3700,) * 2)
    os.utime(fresh, (time.time() - 3500,) * 2)
    os.utime(foreign, (1, 1))

    save(index_of(10), tmp_path, space=SPACE, revision=1)

    assert not old.exists()
    assert fresh.exists()
    assert foreign.exists()


def test_no_index_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(MissingIndex):
        load(tmp_path / "nowhere", space=SPACE, dim=DIM)


def test_index_of_another_space_or_dimension_is_refused(tmp_path: Path) -> None:
    save(index_of(10), tmp_path, space=SPACE, revision=1)

    with pytest.raises(DamagedIndex, match="belongs to the space tiny/0123, not other"):
        load(tmp_path, space="other", dim=DIM)
    with pytest.raises(DamagedIndex, match="have 16 dimensions, not 512"):
        load(tmp_path, space=SPACE, dim=512)


@pytest.mark.parametrize("kept", [0, 1, 50, -1])
def test_truncated_index_is_found(tmp_path: Path, kept: int) -> None:
    save(index_of(100), tmp_path, space=SPACE, revision=1)
    content = index_file(tmp_path).read_bytes()
    index_file(tmp_path).write_bytes(content[:kept])

    with pytest.raises(DamagedIndex, match="bytes, not"):
        load(tmp_path, space=SPACE, dim=DIM)


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_one_flipped_bit_anywhere_is_found(tmp_path: Path, kind: str) -> None:
    save(index_of(100, kind=kind), tmp_path, space=SPACE, revision=1)
    path = index_file(tmp_path)
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(DamagedIndex, match="have changed"):
            load(tmp_path, space=SPACE, dim=DIM)


def test_missing_index_file_is_found(tmp_path: Path) -> None:
    save(index_of(10), tmp_path, space=SPACE, revision=1)
    index_file(tmp_path).unlink()

    with pytest.raises(DamagedIndex, match="is missing"):
        load(tmp_path, space=SPACE, dim=DIM)


def test_index_file_that_the_disk_does_not_give_is_damage(tmp_path: Path, monkeypatch) -> None:
    save(index_of(10), tmp_path, space=SPACE, revision=1)
    with failing(index_file(tmp_path)), pytest.raises(DamagedIndex, match="cannot be opened"):
        load(tmp_path, space=SPACE, dim=DIM)

    def fail(_file: object, _digest: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(hashlib, "file_digest", fail)
    with pytest.raises(DamagedIndex, match="cannot be read"):
        load(tmp_path, space=SPACE, dim=DIM)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "7", "{}", '{"format": 1}', "[" * 60_000, "\udcff", "x" * 100_000],
)
def test_manifest_that_is_none_is_found(tmp_path: Path, text: str) -> None:
    save(index_of(10), tmp_path, space=SPACE, revision=1)
    (tmp_path / "manifest.json").write_text(text, errors="surrogateescape")

    with pytest.raises(DamagedIndex, match=r"manifest\.json cannot be read"):
        load(tmp_path, space=SPACE, dim=DIM)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 2),
        ("kind", "ivf"),
        ("kind", 1),
        ("count", 11),
        ("count", "10"),
        ("revision", None),
        ("size_bytes", 10),
        ("blake2b", "00"),
        ("file", "../../etc/passwd"),
        ("file", "manifest.json"),
        ("file", "index-0000000000000000.faiss"),
        ("extra", 1),
    ],
)
def test_manifest_with_a_wrong_value_is_found(tmp_path: Path, field: str, value: object) -> None:
    save(index_of(10), tmp_path, space=SPACE, revision=1)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))

    with pytest.raises(DamagedIndex):
        load(tmp_path, space=SPACE, dim=DIM)


def flat_float32() -> faiss.Index:
    return faiss.IndexIDMap2(faiss.IndexFlatIP(DIM))


def euclidean() -> faiss.Index:
    return faiss.IndexIDMap2(
        faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2)
    )


def without_ids() -> faiss.Index:
    return faiss.IndexScalarQuantizer(
        DIM, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )


def repeated_ids() -> faiss.Index:
    index = faiss.IndexIDMap2(without_ids())
    index.add_with_ids(vectors(2), np.array([5, 5]))
    return index


def graph() -> faiss.Index:
    return faiss.IndexHNSWFlat(DIM, 8)


def ivf_without_lookup() -> faiss.Index:
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(DIM),
        DIM,
        1,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,
    )
    index.train(vectors(50))
    return index


class Foreign:
    """Stands in for an index while it is saved, so that manifest and digest are right."""

    dim = DIM

    def __init__(self, structure: faiss.Index) -> None:
        self.content = faiss.serialize_index(structure).tobytes()

    def write(self, file: storage._DigestingFile) -> tuple[str, int]:
        file.write(self.content)
        return "flat", 0


@pytest.mark.parametrize(
    "make", [flat_float32, euclidean, without_ids, repeated_ids, graph, ivf_without_lookup]
)
def test_index_that_this_program_never_writes_is_refused(tmp_path: Path, make: object) -> None:
    save(Foreign(make()), tmp_path, space=SPACE, revision=1)

    with pytest.raises(DamagedIndex, match=r"structure|ids"):
        load(tmp_path, space=SPACE, dim=DIM)


def test_index_of_another_dimension_under_this_manifest_is_refused(tmp_path: Path) -> None:
    save(Foreign(index_of(0, dim=8)._structure), tmp_path, space=SPACE, revision=1)

    with pytest.raises(DamagedIndex, match="is not the index of its manifest"):
        load(tmp_path, space=SPACE, dim=DIM)


def test_content_that_faiss_cannot_read_is_refused(tmp_path: Path) -> None:
    foreign = Foreign(flat_float32())
    foreign.content = b"not an index at all" * 10
    save(foreign, tmp_path, space=SPACE, revision=1)

    with pytest.raises(DamagedIndex, match="FAISS cannot read it"):
        load(tmp_path, space=SPACE, dim=DIM)


@pytest.mark.parametrize("failing_step", range(1, 8))
def test_full_disk_at_any_step_keeps_the_old_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_step: int
) -> None:
    save(index_of(10), tmp_path, space=SPACE, revision=1)
    steps = 0

    def failing(real: object) -> object:
        def step(*arguments: object) -> object:
            nonlocal steps
            steps += 1
            if steps == failing_step:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*arguments)

        return step

    # In the order of a save: write, sync, replace, sync the folder; the same for the manifest.
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(os.fsync))
        patch.setattr(os, "replace", failing(os.replace))
        patch.setattr(FaissIndex, "write", failing(FaissIndex.write))
        with pytest.raises(OSError, match="No space left"):
            save(index_of(20), tmp_path, space=SPACE, revision=2)

    index, manifest = load(tmp_path, space=SPACE, dim=DIM)
    # In the last step only the folder's entry is not yet on the disk.
    assert (len(index), manifest.revision) == ((20, 2) if failing_step == 7 else (10, 1))
    assert not list(tmp_path.glob("*.tmp"))


KILLED_SAVE = textwrap.dedent("""
    import os, pathlib, sys
    import numpy as np
    from search.vectors.faiss_index import FaissIndex
    from search.vectors import storage

    folder, last_step = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    steps = 0

    def dying(real):
        def step(*arguments, **options):
            global steps
            steps += 1
            if steps == last_step:
                os._exit(42)
            return real(*arguments, **options)
        return step

    class HalfFile(storage._DigestingFile):
        def write(self, data):
            written = super().write(data)
            if written == self.size_bytes:
                dying(lambda: None)()
            return written

    storage._DigestingFile = HalfFile
    os.fsync, os.replace = dying(os.fsync), dying(os.replace)
    pathlib.Path.unlink = dying(pathlib.Path.unlink)
    index = FaissIndex(16)
    index.add(np.arange(5), np.eye(16)[:5])
    storage.save(index, folder, space="tiny/0123", revision=2)
""")


def test_kill_at_any_step_leaves_the_old_or_the_new_index(tmp_path: Path) -> None:
    # Dies after the first write, before the sync, the replacing and the sync of the folder; again
    # in the manifest; before the old index is deleted; and once it does not die.
    folders = [tmp_path / str(step) for step in range(1, 11)]
    for folder in folders:
        save(index_of(10), folder, space=SPACE, revision=1)

    children = [
        subprocess.Popen([sys.executable, "-c", KILLED_SAVE, folder, folder.name])
        for folder in folders
    ]

    assert [child.wait(timeout=120) for child in children] == [42] * 9 + [0]
    states = []
    for folder in folders:
        index, manifest = load(folder, space=SPACE, dim=DIM)
        states.append((manifest.revision, len(index)))
    assert states == [(1, 10)] * 7 + [(2, 5)] * 3


ENDLESS_SAVES = textwrap.dedent("""
    import itertools, pathlib, sys
    import numpy as np
    from search.vectors.faiss_index import FaissIndex
    from search.vectors.storage import save

    for revision in itertools.count(1):
        index = FaissIndex(16)
        index.add(np.arange(revision), np.tile(np.eye(16)[:1], (revision, 1)))
        save(index, pathlib.Path(sys.argv[1]), space="tiny/0123", revision=revision)
""")


def test_reader_beside_a_writer_never_sees_a_mixture(tmp_path: Path) -> None:
    save(index_of(0), tmp_path, space=SPACE, revision=0)
    writer = subprocess.Popen([sys.executable, "-c", ENDLESS_SAVES, tmp_path])
    try:
        seen = set()
        while len(seen) < 40:
            assert writer.poll() is None
            index, manifest = load(tmp_path, space=SPACE, dim=DIM)
            assert len(index) == manifest.count == manifest.revision
            seen.add(manifest.revision)
    finally:
        writer.kill()
        writer.wait()
