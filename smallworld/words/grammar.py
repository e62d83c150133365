"""The words and sentence patterns of the captions. `HELD_OUT_…` is never used for training."""

SIZE_WORDS: dict[str, tuple[str, ...]] = {
    "tiny": ("tiny", "very small", "minute"),
    "small": ("small", "little"),
    "medium": ("medium-sized", "medium sized", "mid-sized"),
    "large": ("large", "big"),
    "huge": ("huge", "very large", "very big", "giant", "enormous"),
}
ANGLE_PHRASES: dict[str, tuple[str, ...]] = {
    "upright": ("upright", "the right way up", "standing upright"),
    "tilted left": ("tilted to the left", "leaning to the left", "tilted left", "leaning left"),
    "tilted right": (
        "tilted to the right",
        "leaning to the right",
        "tilted right",
        "leaning right",
    ),
    "on its side": ("lying on its side", "on its side", "turned on its side"),
    "upside down": ("upside down", "turned upside down", "on its head", "the wrong way up"),
}
PLACE_PHRASES: dict[str, tuple[str, ...]] = {
    "top left": ("at the top left", "in the top left corner", "in the upper left", "top left"),
    "top": ("at the top", "in the upper part", "at the top of the picture", "near the top"),
    "top right": ("at the top right", "in the top right corner", "in the upper right", "top right"),
    "left": ("on the left", "on the left side", "at the left", "to the left"),
    "centre": ("in the middle", "in the centre", "in the center", "in the middle of the picture"),
    "right": ("on the right", "on the right side", "at the right", "to the right"),
    "bottom left": (
        "at the bottom left",
        "in the bottom left corner",
        "in the lower left",
        "bottom left",
    ),
    "bottom": ("at the bottom", "in the lower part", "at the bottom of the picture", "low down"),
    "bottom right": (
        "at the bottom right",
        "in the bottom right corner",
        "in the lower right",
        "bottom right",
    ),
}
SCENE_PHRASES: dict[str, tuple[str, ...]] = {
    "grass": ("on the grass", "in a meadow", "on a lawn", "on green grass", "in a field"),
    "sea": ("at sea", "on the sea", "on the water", "in the ocean", "over the sea"),
    "sky": ("in the sky", "in the blue sky", "among the clouds", "up in the air"),
    "street": ("in the street", "on the street", "on the road", "in a town", "in the city"),
    "night": ("at night", "in the dark", "in the moonlight", "under the stars"),
    "room": ("in a room", "indoors", "inside a room", "at home", "inside the house"),
    "desert": ("in the desert", "among the dunes", "in a sandy desert"),
    "snow": ("in the snow", "in winter", "in falling snow", "on snow"),
    "forest": ("in the forest", "in the woods", "among the trees", "in a forest"),
    "beach": ("on the beach", "on a beach", "at the seaside", "by the sea on the sand"),
    "mountains": ("in the mountains", "in front of mountains", "among snowy mountains"),
    "sunset": ("at sunset", "in the evening light", "in front of a sunset", "at dusk"),
    "space": ("in space", "in outer space", "among the stars in space"),
    "underwater": ("underwater", "under water", "under the sea", "at the bottom of the sea"),
    "stage": ("on a stage", "on stage", "in a theatre", "in front of a red curtain"),
}
SCENE_ALONE: dict[str, tuple[str, ...]] = {
    "grass": ("grass", "a meadow"),
    "sea": ("the sea", "the ocean"),
    "sky": ("the sky", "clouds in the sky"),
    "street": ("a street", "a town"),
    "night": ("night", "a night sky"),
    "room": ("a room", "indoors"),
    "desert": ("a desert", "sand dunes"),
    "snow": ("snow", "winter"),
    "forest": ("a forest", "the woods"),
    "beach": ("a beach", "the beach"),
    "mountains": ("mountains", "snowy mountains"),
    "sunset": ("a sunset", "sunset"),
    "space": ("space", "outer space"),
    "underwater": ("underwater", "under the sea"),
    "stage": ("a stage", "a red curtain"),
}
RELATION_PHRASES: dict[str, tuple[str, ...]] = {
    "left of": ("to the left of", "left of"),
    "right of": ("to the right of", "right of"),
    "above": ("above", "over"),
    "below": ("below", "under"),
}
COUNT_WORDS: dict[int, tuple[str, ...]] = {2: ("two", "2"), 3: ("three", "3")}
JOINERS: tuple[str, ...] = (" and ", " with ", " and ", " next to ")

# "{things}" is what the picture shows, with all that is said of it.
FRAMES: tuple[str, ...] = (
    "{things}",
    "a photo of {things}",
    "a picture of {things}",
    "an image of {things}",
    "a video of {things}",
    "there is {things}",
    "this is {things}",
    "we see {things}",
    "you can see {things}",
    "a picture with {things}",
    "it shows {things}",
)
HELD_OUT_FRAMES: tuple[str, ...] = (
    "here is {things}",
    "a view of {things}",
    "look, {things}",
    "this picture shows {things}",
    "a scene with {things}",
)
