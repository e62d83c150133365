"""What a user may set about indexing: the ``[index]`` section of ``library.toml``."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class IndexSettings(BaseModel):
    """How videos are sampled and cut, and what is too much for one file."""

    section: ClassVar[str] = "index"
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sample_rate: float = Field(
        default=2.0, gt=0, le=60, description="Frames encoded per second of video."
    )
    min_frames_per_segment: int = Field(
        default=8,
        ge=1,
        le=256,
        description="The fewest frames of a short segment, if its video has that many.",
    )
    max_segment_s: float = Field(
        default=12.0, ge=1, le=600, description="Longest segment, in seconds."
    )
    min_segment_s: float = Field(
        default=0.5,
        gt=0,
        le=60,
        description="Shortest segment, in seconds; a shorter shot joins its neighbour.",
    )
    shot_threshold: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        description="How strong a change must be to count as a cut: 2 finds fewer, 0.5 more.",
    )
    skip_duplicates: bool = Field(
        default=True, description="Encode near-identical frames of a segment only once."
    )
    duplicate_threshold: float = Field(
        # Most still pictures under compression and grain stay below 6; real motion was above 17.
        default=6.0,
        ge=0,
        le=255,
        description="Frames are near-identical when no part of the picture differs by more than "
        "this, on average, in grey levels of 255.",
    )
    keyframe_quality: int = Field(
        default=85, ge=1, le=95, description="JPEG quality of the keyframes."
    )
    decoder: Literal["pyav", "decord"] = Field(
        default="pyav",
        description="The library that reads frames; files that decord cannot read right are left "
        "to pyav.",
    )
    decode_threads: int = Field(
        default=2, ge=1, le=64, description="Threads that one decoding process may use."
    )
    max_pixels: int = Field(
        default=40_000_000,
        gt=0,
        le=2**31 - 1,
        description="Videos with more pixels per picture are refused.",
    )
    max_hours: float = Field(
        default=12.0, gt=0, le=100_000, description="Longer videos are refused."
    )
    max_gb: float = Field(
        # Half a day at 190 Mbit/s, which takes a quarter of an hour to read from a quick disk.
        default=1000.0,
        gt=0,
        le=1_000_000,
        description="Larger files are refused unread, in GB; sparse ones too.",
    )
    watch_every_s: float = Field(
        default=5.0,
        gt=0,
        le=86_400,
        description="Watched folders are looked through at this interval in seconds, less often "
        "where that takes long.",
    )
    watch_still_s: float = Field(
        default=5.0,
        ge=0,
        le=86_400,
        description="A file in a watched folder is indexed when it has not changed for this "
        "time, in seconds.",
    )
    decode_timeout_s: float = Field(
        default=60.0,
        gt=0,
        le=86_400,
        description="A decoder that gives no sign of life for this time, in seconds, is stopped.",
    )
    decoder_memory_gb: float = Field(
        default=4.0,
        ge=0.5,
        le=4096,
        description="Memory that one decoding process may use, in GiB (where the system can "
        "limit it).",
    )

    @model_validator(mode="after")
    def _segments_can_be_split(self) -> Self:
        if self.min_segment_s * 2 > self.max_segment_s:
            raise ValueError(
                f"min_segment_s ({self.min_segment_s:g}) must be at most half of "
                f"max_segment_s ({self.max_segment_s:g})"
            )
        return self
