"""The words for two things, for how fast, and the sentences around verbs.

`HELD_OUT_…` is never used for training. The verbs themselves are in `motion_verbs`.
"""

# What two things do: "{a}" and "{b}" are the two, in a chase the one behind and the one in front.
MEETINGS: dict[str, tuple[str, ...]] = {
    "chase": (
        "{a} chasing {b}",
        "{a} chasing {b}",
        "{a} running after {b}",
        "{a} following {b}",
        "{b} chased by {a}",
        "{b} being chased by {a}",
        "{b} running away from {a}",
    ),
    "meet": (
        "{a} and {b} meeting",
        "{a} meeting {b}",
        "{a} and {b} coming together",
        "{a} and {b} moving towards each other",
        "{a} and {b} getting closer to each other",
    ),
    "part": (
        "{a} and {b} parting",
        "{a} parting from {b}",
        "{a} and {b} moving apart",
        "{a} and {b} moving away from each other",
        "{a} and {b} going apart",
    ),
}
MEETING_SENTENCES: dict[str, tuple[str, ...]] = {
    "chase": (
        "{a} chases {b}",
        "{a} chases {b}",
        "{a} is chasing {b}",
        "{a} runs after {b}",
        "{a} follows {b}",
        "{b} is chased by {a}",
        "{b} flees from {a}",
        "{b} runs away from {a}",
    ),
    "meet": (
        "{a} and {b} meet",
        "{a} meets {b}",
        "{a} and {b} come together",
        "{a} and {b} move towards each other",
        "{a} and {b} approach each other",
        "{a} and {b} get closer to each other",
    ),
    "part": (
        "{a} and {b} part",
        "{a} parts from {b}",
        "{a} and {b} separate",
        "{a} and {b} move apart",
        "{a} and {b} move away from each other",
        "{a} and {b} leave each other",
    ),
}
HELD_OUT_MEETINGS: dict[str, tuple[str, ...]] = {
    "chase": ("{b} being followed by {a}", "{b} fleeing from {a}", "{a} going after {b}"),
    "meet": ("{a} coming together with {b}", "{a} and {b} going towards each other"),
    "part": ("{a} and {b} leaving each other", "{a} separating from {b}"),
}
HELD_OUT_MEETING_SENTENCES: dict[str, tuple[str, ...]] = {
    "chase": ("{b} is followed by {a}", "{a} goes after {b}"),
    "meet": ("{a} comes together with {b}", "{a} and {b} come towards each other"),
    "part": ("{a} separates from {b}", "{a} and {b} go away from each other"),
}
TWO_THINGS: dict[str, tuple[str, ...]] = {
    "chase": ("one thing chasing another", "something chasing something else", "a chase"),
    "meet": ("two things meeting", "two things meet", "two things coming together"),
    "part": ("two things parting", "two things moving apart", "two things part"),
}
ANYTHING = ("something", "a thing", "an object")

SPEED_WORDS: dict[str, tuple[str, ...]] = {
    "slow": ("slowly", "slowly", "very slowly", "at a slow pace", "gently", "little by little"),
    "fast": ("quickly", "fast", "rapidly", "very fast", "at high speed", "in a hurry"),
}
HELD_OUT_SPEED_WORDS: dict[str, tuple[str, ...]] = {
    "slow": ("at low speed", "in slow motion"),
    "fast": ("at great speed", "in a great hurry"),
}
# These can also stand before the verb.
ADVERBS = frozenset({"slowly", "very slowly", "gently", "quickly", "rapidly"})
# For what happens at once or by and by rather than along a way.
SUDDEN_WORDS: dict[str, tuple[str, ...]] = {
    "slow": ("slowly", "slowly", "very slowly", "gradually", "little by little", "by and by"),
    "fast": ("suddenly", "suddenly", "quickly", "all at once", "at once"),
}
HELD_OUT_SUDDEN_WORDS: dict[str, tuple[str, ...]] = {
    "slow": ("very gradually",),
    "fast": ("very suddenly",),
}
SUDDEN_EVENTS = frozenset({"appear", "vanish"})
# Before the thing's name: "a spinning cat".
DESCRIPTIONS: dict[str, tuple[str, ...]] = {
    "grow": ("growing",),
    "shrink": ("shrinking",),
    "spin": ("spinning", "rotating"),
    "bounce": ("bouncing",),
    "shake": ("shaking", "trembling"),
    "appear": ("appearing",),
    "vanish": ("vanishing", "disappearing"),
    "fall": ("falling",),
    "roll": ("rolling",),
    "jump": ("jumping",),
    "circle": ("circling",),
    "up": ("rising",),
    "down": ("sinking",),
    "still": ("motionless",),
}

# "{deed}" is the thing with what it does: "a cat moving to the left".
FRAMES: tuple[str, ...] = (
    "{deed}",
    "{deed}",
    "a video of {deed}",
    "a clip of {deed}",
    "a film of {deed}",
    "there is {deed}",
    "we see {deed}",
    "you can see {deed}",
    "it shows {deed}",
)
# "{told}" is a whole sentence: "a cat moves to the left".
SENTENCE_FRAMES: tuple[str, ...] = (
    "{told}",
    "{told}",
    "{told}",
    "a video in which {told}",
    "a clip where {told}",
    "we see how {told}",
)
HELD_OUT_FRAMES: tuple[str, ...] = (
    "here is {deed}",
    "look, {deed}",
    "this clip shows {deed}",
    "a recording of {deed}",
)
HELD_OUT_SENTENCE_FRAMES: tuple[str, ...] = (
    "look how {told}",
    "here {told}",
    "in this clip {told}",
)
