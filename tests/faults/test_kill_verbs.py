"""kill -9 of any verb, and of the page's jobs, at any call that changes the library.

The long run is `python -m benchmarks.reliability.kills`.
"""

import pytest

from benchmarks.reliability.kills import Kill, tried
from benchmarks.reliability.verbs import VERBS, verb_named


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("index again", (0.3, 0.7)),
        ("index --reindex, otherwise", (0.6,)),
        ("index --watch", (0.5,)),
        ("failed --retry", (0.5,)),
        ("sketch --redo", (0.6,)),
        ("restore --replace", (0.85,)),
        ("remove", (0.3, 0.6, 0.9)),
        ("remove, a folder", (0.98,)),
        ("clean", (0.4, 0.8)),
        ("page: index", (0.5,)),
    ],
)
def test_what_was_there_is_there_and_the_same_again_ends_as_if_undisturbed(bench, name, shares):
    verb = verb_named(name)
    usual = bench.undisturbed(verb)
    for share in shares:
        kill = Kill(call=max(1, round(share * usual.calls)))
        assert tried(bench, verb, kill, usual) == []


def test_verbs_that_change_a_library_are_seen_to_change_it(bench):
    verb = verb_named("remove")
    usual = bench.undisturbed(verb)
    assert usual.calls > 0
    assert usual.before.differences(usual.after)
    assert usual.before.shared_with(usual.after).of("correction")
    assert len({verb.name for verb in VERBS}) == len(VERBS)
