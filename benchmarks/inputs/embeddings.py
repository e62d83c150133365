"""Made-up embeddings that lie in space as those of CLIP do, and some that do not."""

from dataclasses import dataclass

import numpy as np

from search.vectors.protocol import Vectors

SPREAD_DIRECTIONS = 256
TOPICS = 1000


@dataclass(frozen=True)
class Collection:
    """Stored vectors (count, dim), and queries (queries, dim) of both sorts.

    Pictures are near a stored vector. Texts have another mean direction and are far from every
    vector.
    """

    vectors: Vectors
    pictures: Vectors
    texts: Vectors


def unit(vectors: Vectors) -> Vectors:
    """The same directions, each (along the last axis) of unit length."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def clustered(count: int, queries: int, dim: int, *, segments_per_video: int) -> Collection:
    """Vectors as CLIP gives them for segments.

    They share a mean direction, spread most along a few directions, and come as videos whose
    segments are alike, within topics that melt into each other.
    """
    random = np.random.default_rng(count)

    def normal(*shape: int) -> Vectors:
        return random.standard_normal(shape, dtype=np.float32)

    directions = normal(SPREAD_DIRECTIONS, dim) / np.float32(dim**0.5)
    strengths = 1 / np.sqrt(np.arange(1, SPREAD_DIRECTIONS + 1, dtype=np.float32))
    strengths /= np.linalg.norm(strengths)
    picture_mean, text_mean = unit(normal(2, dim))
    topics = normal(TOPICS, SPREAD_DIRECTIONS) * strengths
    videos = -(-count // segments_per_video)
    # Squaring makes some topics common and many rare.
    topic_of_video = (random.random(videos) ** 2 * TOPICS).astype(int)
    video_contents = 0.6 * topics[topic_of_video]
    video_contents += 0.8 * normal(videos, SPREAD_DIRECTIONS) * strengths
    contents = np.repeat(video_contents, segments_per_video, axis=0)[:count]
    contents += 0.6 * normal(count, SPREAD_DIRECTIONS) * strengths
    asked = contents[random.integers(0, count, queries)]
    pictured = asked + 0.5 * normal(queries, SPREAD_DIRECTIONS) * strengths
    meant = 0.6 * (asked + normal(queries, SPREAD_DIRECTIONS) * strengths)
    grain = np.float32(dim**-0.5)
    return Collection(
        vectors=unit(0.9 * picture_mean + contents @ directions + 0.2 * grain * normal(count, dim)),
        pictures=unit(
            0.9 * picture_mean + pictured @ directions + 0.2 * grain * normal(queries, dim)
        ),
        texts=unit(1.2 * text_mean + meant @ directions + 0.5 * grain * normal(queries, dim)),
    )


def noise(count: int, queries: int, dim: int) -> Collection:
    """Vectors without any structure: only comparing with everything can work among them."""
    random = np.random.default_rng(count)
    vectors, pictures, texts = (
        unit(random.standard_normal((number, dim), dtype=np.float32))
        for number in (count, queries, queries)
    )
    return Collection(vectors=vectors, pictures=pictures, texts=texts)
