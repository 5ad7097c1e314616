"""What a request for history is answered with."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from ingest_server.api.shape import Answer
from ingest_server.api.times import Moment
from ingest_server.api.values import Quality, Value
from wire.dtypes import DType
from wire.records import Cause

MAX_GAPS: Final = 2_000
"""Gaps told in one call."""


class SeriesGap(Answer):
    """A time without this tag's data, and why."""

    from_: Moment = Field(alias="from", description="Begin.")
    to: Moment | None = Field(description="End; null: it still lasts.")
    cause: Cause | str = Field(description="Why.")
    samples: int | None = Field(description="Samples lost; null: nobody knows.")
    exact: bool = Field(description="Whether span and count are known or estimated.")
    accepted: bool = Field(description="Whether a person has accepted it.")


class Point(Answer):
    """A reading."""

    ts: Moment = Field(description="Event time.")
    value: Value = Field(description="Null where there is none or its quality is bad.")
    quality: Quality = Field(description="How far to believe it.")


class Bucket(Answer):
    """A bucket with samples; those without are left out. Figures are of good samples only."""

    ts: Moment = Field(description="Begin of the bucket.")
    count: int = Field(ge=1, description="Samples, of whatever quality.")
    good: float = Field(ge=0, le=1, description="Share of good ones.")
    min: Value = Field(description="Least; null for texts, or where none was good.")
    max: Value = Field(description="Greatest; null likewise.")
    mean: float | None = Field(description="Mean of the samples; null likewise.")
    twa: float | None = Field(
        description="Time-weighted mean: each value counts as long as it held (at most 24 h). Only "
        "of buckets of one minute or one hour that are rolled up; else null."
    )
    first: Value = Field(description="The first; null where none was good.")
    last: Value = Field(description="The last; null likewise.")


class Series(Answer):
    """One definition of one tag; a tag whose type or unit changed gives several."""

    tag: str = Field(description="`plant/edge/path`.")
    revision: int = Field(ge=1, description="Number of the definition, from 1.")
    dtype: DType = Field(description="Data type.")
    unit: str = Field(description="Engineering unit, may be empty.")
    time_zone: str = Field(description="The zone its times are in: the plant's, or `tz`.")
    complete_to: Moment | None = Field(
        description="Up to then everything is here or among the gaps; later data may still come."
    )
    kept_since: Moment | None = Field(
        description="Readings before it are no longer kept, only buckets of whole minutes or "
        "hours are; null: all are."
    )
    gaps: list[SeriesGap] = Field(description="Times without data in the span, newest first.")
    readings: list[Point] = Field(description="Raw: the readings of this page; else empty.")
    buckets: list[Bucket] = Field(description="The buckets, unless raw.")


class Readings(Answer):
    """The series asked for."""

    from_: Moment = Field(alias="from", description="Begin (included).")
    to: Moment = Field(description="End (excluded).")
    bucket: str = Field(description="`raw`, or the width of the buckets.")
    bucket_s: float | None = Field(
        description="The same in seconds; null for raw. Days are the plant's: where clocks change "
        "one has 23 or 25 hours."
    )
    source: Literal["raw", "1m", "1h"] = Field(
        description="The coarsest table the figures come from; they are the same from each."
    )
    series: list[Series] = Field(description="In the order of tags and revisions.")
    gaps_more: bool = Field(description=f"Whether more than {MAX_GAPS} gaps touch the span.")
    next: str | None = Field(
        description="Raw: cursor of the next page, in the order of time; null: that was all."
    )
