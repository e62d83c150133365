"""Settings check themselves and explain themselves."""

import math

import pytest
from pydantic import ValidationError

from indexer.reading.settings import IndexSettings


def test_every_setting_has_a_default_and_a_description() -> None:
    for name, one in IndexSettings.model_fields.items():
        assert not one.is_required(), name
        assert one.description, name


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="sample_rat"):
        IndexSettings(sample_rat=3)  # type: ignore[call-arg]


def test_segments_must_be_divisible() -> None:
    with pytest.raises(ValidationError, match=r"min_segment_s \(5\) must be at most half of"):
        IndexSettings(min_segment_s=5, max_segment_s=9)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e308, 10**400])
@pytest.mark.parametrize(
    "name", [name for name, one in IndexSettings.model_fields.items() if one.annotation is float]
)
def test_no_number_is_endless(name: str, value: float) -> None:
    with pytest.raises(ValidationError):
        IndexSettings(**{name: value})
