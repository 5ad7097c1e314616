"""ISA-18.2 states: every state x event pair against a table written a second time, by hand."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product

import pytest

from ingest_server.domain.alarm_states import (
    LONGEST_SHELF_US,
    AlarmFacts,
    AlarmRefused,
    Event,
    core_of,
    happened,
    is_hidden,
    letter,
)

NOW = 1_700_000_000_000_000
LATER = NOW + 3_600_000_000

# core state before: what each event makes of it, in the order of CORE_EVENTS; "-" is refused.
CORE_EVENTS = (
    Event.RAISED,
    Event.RAISED_LATCHING,
    Event.CLEARED,
    Event.ACKNOWLEDGED,
    Event.RESET,
)
EXPECTED_CORE = {
    "A":  "B  BL A  -  -",
    "B":  "B  BL D  C  -",
    "BL": "BL BL E  CL -",
    "C":  "C  CL A  -  -",
    "CL": "CL CL F  -  -",
    "D":  "B  BL D  A  -",
    "E":  "BL BL E  F  D",
    "F":  "BL BL F  -  A",
}  # fmt: skip
# fact: (event, allowed when off, allowed when on, on afterwards)
EXPECTED_SWITCHES = {
    "shelved_until_us": [
        (Event.SHELVED, True, True, True),
        (Event.UNSHELVED, False, True, False),
        (Event.SHELF_EXPIRED, False, True, False),
    ],
    "suppressed_by": [
        (Event.SUPPRESSED, True, True, True),
        (Event.UNSUPPRESSED, False, True, False),
    ],
    "out_of_service": [
        (Event.TAKEN_OUT, True, False, True),
        (Event.RETURNED, False, True, False),
    ],
    "bad_quality": [
        (Event.QUALITY_BAD, True, True, True),
        (Event.QUALITY_GOOD, True, True, False),
    ],
}

ALL_FACTS = [
    AlarmFacts(
        active=active,
        acknowledged=acknowledged,
        latched=latched,
        shelved_until_us=NOW if shelved else None,
        shelved_by="li" if shelved else "",
        shelved_reason="noise" if shelved else "",
        suppressed_by="start-up" if suppressed else None,
        out_of_service=out,
        bad_quality=bad,
    )
    for active, acknowledged, latched, shelved, suppressed, out, bad in product(
        (False, True), repeat=7
    )
]


def do(facts: AlarmFacts, event: Event) -> AlarmFacts:
    return happened(facts, event, now_us=NOW, until_us=LATER, by="wang", reason="bearing")


def expected(facts: AlarmFacts, event: Event) -> AlarmFacts | None:
    if event in CORE_EVENTS:
        after = EXPECTED_CORE[core_of(facts).value].split()[CORE_EVENTS.index(event)]
        if after == "-":
            return None
        return replace(
            facts,
            active=after[0] in "BC",
            acknowledged=after[0] in "ACF",
            latched=after.endswith("L") or after in "EF",
        )
    for fact, rows in EXPECTED_SWITCHES.items():
        for row_event, when_off, when_on, on_after in rows:
            if row_event is not event:
                continue
            is_on = bool(getattr(facts, fact))
            if not (when_on if is_on else when_off):
                return None
            if fact == "shelved_until_us":
                return replace(
                    facts,
                    shelved_until_us=LATER if on_after else None,
                    shelved_by="wang" if on_after else "",
                    shelved_reason="bearing" if on_after else "",
                )
            if fact == "suppressed_by":
                return replace(facts, suppressed_by="wang" if on_after else None)
            return replace(facts, **{fact: on_after})
    raise AssertionError(event)


@pytest.mark.parametrize("event", Event)
def test_every_event_in_every_state_does_what_the_table_says_or_is_refused(event: Event) -> None:
    outcomes = 0
    for facts in ALL_FACTS:
        after = expected(facts, event)
        if after is None:
            with pytest.raises(AlarmRefused):
                do(facts, event)
        else:
            assert do(facts, event) == after
        outcomes += 1
    assert outcomes == 128


def test_there_are_all_eight_core_states_in_the_table() -> None:
    assert {core_of(facts).value for facts in ALL_FACTS} == set(EXPECTED_CORE)


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        (AlarmFacts(), "A"),
        (AlarmFacts(active=True, acknowledged=False), "B"),
        (AlarmFacts(active=True, acknowledged=False, latched=True), "B"),
        (AlarmFacts(active=True), "C"),
        (AlarmFacts(acknowledged=False), "D"),
        (AlarmFacts(acknowledged=False, latched=True), "E"),
        (AlarmFacts(latched=True), "F"),
        (AlarmFacts(active=True, shelved_until_us=LATER), "G"),
        (AlarmFacts(active=True, suppressed_by="x", shelved_until_us=LATER), "H"),
        (AlarmFacts(active=True, out_of_service=True, suppressed_by="x"), "I"),
    ],
)
def test_the_letter_follows_from_the_facts(facts: AlarmFacts, shown: str) -> None:
    assert letter(facts, NOW) == shown
    assert is_hidden(facts, NOW) == (shown in "GHI")


def test_a_shelf_ends_by_itself_even_where_nobody_says_so() -> None:
    facts = AlarmFacts(active=True, acknowledged=False, shelved_until_us=LATER)
    assert [letter(facts, at) for at in (LATER - 1, LATER)] == ["G", "B"]


def test_a_shelf_does_not_expire_before_its_end() -> None:
    facts = do(AlarmFacts(), Event.SHELVED)
    with pytest.raises(AlarmRefused) as refused:
        happened(facts, Event.SHELF_EXPIRED, now_us=LATER - 1)
    assert refused.value.code == "LS-5361"


@pytest.mark.parametrize(
    ("until_us", "by", "reason"),
    [
        (None, "wang", "bearing"),
        (LATER, "", "bearing"),
        (LATER, "wang", "  "),
        (NOW, "wang", "bearing"),
        (NOW + LONGEST_SHELF_US + 1, "wang", "bearing"),
    ],
)
def test_shelving_needs_an_owner_a_reason_and_an_end_within_a_week(
    until_us: int | None, by: str, reason: str
) -> None:
    with pytest.raises(AlarmRefused):
        happened(AlarmFacts(), Event.SHELVED, now_us=NOW, until_us=until_us, by=by, reason=reason)


def test_what_comes_and_goes_while_hidden_is_still_to_be_acknowledged() -> None:
    facts = do(AlarmFacts(), Event.SHELVED)
    for event in (Event.RAISED, Event.CLEARED, Event.UNSHELVED):
        facts = do(facts, event)
    assert letter(facts, NOW) == "D"


def test_facts_survive_json() -> None:
    for facts in ALL_FACTS:
        assert AlarmFacts(**facts.to_json()) == facts
    assert len(fields(AlarmFacts)) == 9
