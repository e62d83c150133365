"""The verbs for what one thing does. `HELD_OUT_…` is never used for training.

Each verb is a pair: after "a cat" and after "a cat that …" or "a cat …s": ("moving", "moves").
"""

Verb = tuple[str, str]

_LEFTWARDS = (
    "to the left",
    "left",
    "leftwards",
    "towards the left",
    "from right to left",
    "to the left side",
    "from the right to the left",
)
_GOING: tuple[Verb, ...] = (
    ("moving", "moves"),
    ("moving", "moves"),
    ("going", "goes"),
    ("walking", "walks"),
    ("travelling", "travels"),
    ("sliding", "slides"),
    ("gliding", "glides"),
)
_RISING: tuple[Verb, ...] = (
    ("moving", "moves"),
    ("moving", "moves"),
    ("going", "goes"),
    ("floating", "floats"),
    ("gliding", "glides"),
    ("sliding", "slides"),
)
_UP = ("up", "upwards", "to the top", "towards the top", "from the bottom to the top")
_DOWN = ("down", "downwards", "to the bottom", "towards the bottom", "from the top to the bottom")
_ROUND = ("in a circle", "in circles", "round and round", "around in a circle", "around in circles")


def _mirrored(phrases: tuple[str, ...]) -> tuple[str, ...]:
    swap = {"left": "right", "right": "left", "leftwards": "rightwards"}
    return tuple(" ".join(swap.get(word, word) for word in p.split(" ")) for p in phrases)


def _mirrored_verbs(verbs: tuple[Verb, ...]) -> tuple[Verb, ...]:
    nows, plains = (_mirrored(forms) for forms in zip(*verbs, strict=True))
    return tuple(zip(nows, plains, strict=True))


def _each(verbs: tuple[Verb, ...], ends: tuple[str, ...]) -> tuple[Verb, ...]:
    return tuple((f"{now} {end}", f"{plain} {end}") for now, plain in verbs for end in ends)


def _both(*plain_verbs: str) -> tuple[Verb, ...]:
    """Verbs with their ends: "spins around" gives ("spinning around", "spins around")."""
    return tuple((_gerund(verb), verb) for verb in plain_verbs)


_GERUNDS = {
    "spins": "spinning",
    "gets": "getting",
    "jumps": "jumping",
    "hops": "hopping",
    "comes": "coming",
    "goes": "going",
    "moves": "moving",
    "shakes": "shaking",
    "trembles": "trembling",
    "wobbles": "wobbling",
    "rotates": "rotating",
    "vanishes": "vanishing",
    "fades": "fading",
    "drops": "dropping",
    "leaves": "leaving",
    "becomes": "becoming",
    "approaches": "approaching",
    "circles": "circling",
    "tumbles": "tumbling",
    "separates": "separating",
    "makes": "making",
    "bounces": "bouncing",
}


def _gerund(verb: str) -> str:
    first, *rest = verb.split(" ")
    return " ".join([_GERUNDS.get(first) or first.removesuffix("s") + "ing", *rest])


# What a single thing does. Any of these may be said in training.
DEEDS: dict[str, tuple[Verb, ...]] = {
    "left": _each(_GOING, _LEFTWARDS),
    "right": _each(_GOING, _mirrored(_LEFTWARDS)),
    "up": (*_each(_RISING, _UP), ("rising", "rises"), ("climbing", "climbs")),
    "down": (*_each(_RISING, _DOWN), ("sinking", "sinks"), ("descending", "descends")),
    "circle": (*_each(_GOING, _ROUND), *_both("circles around", "circles")),
    "grow": _both(
        "grows",
        "grows",
        "gets bigger",
        "gets larger",
        "becomes bigger",
        "becomes larger",
        "grows bigger",
        "gets bigger and bigger",
        "grows larger and larger",
        "comes closer",
        "expands",
    ),
    "shrink": _both(
        "shrinks",
        "shrinks",
        "gets smaller",
        "becomes smaller",
        "becomes smaller and smaller",
        "gets smaller and smaller",
        "shrinks smaller and smaller",
        "goes further away",
    ),
    "spin": _both(
        "spins",
        "spins",
        "spins around",
        "turns around",
        "rotates",
        "turns round and round",
        "spins in place",
        "turns on the spot",
        "rotates on the spot",
    ),
    "bounce": _both(
        "bounces",
        "bounces",
        "bounces up and down",
        "jumps up and down again and again",
        "moves up and down",
        "hops up and down",
        "keeps bouncing",
    ),
    "shake": _both(
        "shakes",
        "shakes",
        "trembles",
        "wobbles",
        "shakes from side to side",
        "wobbles from side to side",
        "shakes to and fro",
        "shakes back and forth",
        "shivers",
    ),
    "appear": _both(
        "appears",
        "appears",
        "comes into view",
        "shows up",
        "appears from nowhere",
        "becomes visible",
        "appears out of nothing",
    ),
    "vanish": _both(
        "vanishes",
        "disappears",
        "disappears",
        "fades away",
        "goes out of view",
        "vanishes into nothing",
        "becomes invisible",
        "disappears from view",
    ),
    "fall": _both(
        "falls",
        "falls",
        "falls down",
        "drops",
        "drops down",
        "tumbles down",
        "falls to the ground",
        "falls from above",
        "drops to the ground",
    ),
    "roll": _both("rolls", "rolls", "rolls along", "rolls over and over", "rolls on the ground"),
    "jump": _both(
        "jumps",
        "jumps",
        "leaps",
        "hops",
        "jumps up",
        "jumps into the air",
        "leaps up",
        "makes a jump",
        "hops once",
    ),
    "still": (
        ("not moving", "does not move"),
        ("standing motionless", "stands motionless"),
        *_both("stays still", "stands still", "remains still", "keeps still"),
        *_both("stays where it is", "rests"),
    ),
}
# With the way it rolls: "{way}" is "to the left" or the like.
ROLLING: tuple[Verb, ...] = _both("rolls {way}", "rolls along {way}")
WAYS: dict[str, tuple[str, ...]] = {"left": _LEFTWARDS, "right": _mirrored(_LEFTWARDS)}
HELD_OUT_WAYS: dict[str, tuple[str, ...]] = {
    "left": ("to the left hand side", "away from the right side"),
    "right": ("to the right hand side", "away from the left side"),
}

_LEAVING: tuple[Verb, ...] = (
    ("making its way to the left", "makes its way to the left"),
    ("on its way from right to left", "is on its way from right to left"),
    ("leaving for the left side", "leaves for the left side"),
)
# Made of words that training uses in other company.
HELD_OUT_DEEDS: dict[str, tuple[Verb, ...]] = {
    "left": _LEAVING,
    "right": _mirrored_verbs(_LEAVING),
    "up": (
        ("making its way up", "makes its way up"),
        ("getting closer to the top", "gets closer to the top"),
        ("on its way to the top", "is on its way to the top"),
    ),
    "down": (
        ("making its way down", "makes its way down"),
        ("getting closer to the bottom", "gets closer to the bottom"),
        ("on its way to the bottom", "is on its way to the bottom"),
    ),
    "circle": _both("makes circles", "moves round in a circle"),
    "grow": (
        ("growing and growing", "grows and grows"),
        ("becoming bigger and bigger", "becomes bigger and bigger"),
    ),
    "shrink": (
        ("shrinking and shrinking", "shrinks and shrinks"),
        ("becoming little by little smaller", "becomes little by little smaller"),
    ),
    "spin": (
        ("turning and turning", "turns and turns"),
        ("spinning round and round", "spins round and round"),
    ),
    "bounce": _both("goes up and down", "bounces again and again"),
    "shake": _both("trembles from side to side", "wobbles to and fro"),
    "appear": _both("comes out of nowhere", "gets visible"),
    "vanish": _both("fades from view", "gets invisible"),
    "fall": _both("drops from above", "tumbles to the ground"),
    "roll": _both("rolls on and on", "rolls over the ground"),
    "jump": _both("leaps into the air", "makes a leap"),
    "still": _both("remains where it is"),
}
