"""Videos that somebody has damaged on purpose harm nothing and reach nothing.

The long run is `python -m benchmarks.reliability.files`.
"""

import pytest

from benchmarks.reliability.files import decoded, reached, written
from benchmarks.reliability.mutations import mutants, originals
from indexer.reading.worker import DecodeWorker
from tests.programs import needed

COUNT, TRACED = 300, 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, originals(folder)


def test_three_hundred_damaged_files_end_in_sentences(whole, tmp_path, capfd):
    _, contents = whole
    with DecodeWorker() as worker:
        outcome = decoded(written(mutants(contents, COUNT, seed=1), tmp_path), worker)
    assert outcome.problems == []
    assert outcome.files == COUNT
    assert outcome.ends["decoded"] + outcome.ends["decoded in part"] > COUNT / 3
    assert outcome.ends["probe"] > COUNT / 10
    assert "Traceback" not in capfd.readouterr().err


def test_decoding_opens_no_other_file_and_no_socket(whole, tmp_path):
    strace = needed("strace")
    folder, contents = whole
    files = tmp_path / "files"
    files.mkdir()
    for number, mutant in enumerate(mutants(contents, TRACED, seed=2)):
        (files / f"{number:03d}-{mutant.name}").write_bytes(mutant.content)
    for name in ("playlist.mp4", "list.mp4", "neighbour.ts"):
        (files / name).write_bytes(_POINTERS[name])
    assert reached(files, folder, strace) == []


_POINTERS = {
    "playlist.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n000-plain.mp4\n",
    "list.mp4": b"ffconcat version 1.0\nfile 000-plain.mp4\n",
    "neighbour.ts": b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
}


def test_an_opened_neighbour_and_a_socket_are_seen(tmp_path):
    from benchmarks.reliability.files import strangers

    log = [
        f'7 openat(AT_FDCWD, "{tmp_path}/other.mp4", O_RDONLY) = 3',
        f'7 openat(AT_FDCWD, "{tmp_path}/now-1.mp4", O_RDONLY|O_CLOEXEC) = -1 ENOENT',
        f'8 openat(AT_FDCWD, "{tmp_path}/1.mp4", O_RDONLY|O_CLOEXEC) = 3',
        f'8 openat(AT_FDCWD, "{tmp_path}/2.mp4", O_RDONLY) = 4',
        "8 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 5",
        "8 socket(AF_UNIX, SOCK_STREAM, 0) = 6",
    ]
    assert list(strangers(log, tmp_path)) == [
        f"1.mp4: {tmp_path}/2.mp4 is opened",
        "1.mp4: socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 5",
    ]
