"""Files of weights that somebody has crafted are refused in a sentence, and nothing in them is run.

The long run, with every file in every place, is `python -m benchmarks.reliability.weights`.
"""

from pathlib import Path

import pytest

import models
from benchmarks.reliability.crafted import KINDS, Crafted, all_crafted
from benchmarks.reliability.weights import problems

# Each file once; those that hold code also where published models are taken over.
ONCE: dict[tuple[str, str], Crafted] = {}
for crafted in all_crafted():
    if crafted.kind != "published":
        ONCE.setdefault((crafted.suffix, crafted.name), crafted)
WITH_CODE = [one for one in all_crafted() if one.kind == "published" and "a pickle" in one.name]


@pytest.fixture(scope="module")
def case(bench):
    return bench.cases.restore(indexed=True)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "published"])
def test_crafted_files_are_refused_in_a_sentence(bench, case, kind):
    crafted = [one for one in ONCE.values() if one.kind == kind]
    wrong = {one.name: found for one in crafted if (found := problems(one, bench.warm, case))}
    assert wrong == {}


def test_code_in_published_files_is_not_run(bench, case):
    assert len(WITH_CODE) == 8
    wrong = {one.name: found for one in WITH_CODE if (found := problems(one, bench.warm, case))}
    assert wrong == {}


def test_there_are_many_and_a_sound_file_is_not_refused(bench, case):
    assert len(ONCE) >= 70
    weights = Path(models.__file__).parent / "bundled" / "weights.safetensors"
    sound = Crafted(
        "sound weights",
        "safe model",
        ".safetensors",
        lambda file: file.write_bytes(weights.read_bytes()),
    )
    [problem] = problems(sound, bench.warm, case)
    assert problem.startswith("index: it ends with 0")
