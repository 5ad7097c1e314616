"""Decides when to ask a silent broker for a sign of life, and when to take it for lost.

Counting quarters of the keep-alive time instead of comparing clock times lets a program that was
suspended read what has arrived meanwhile before it judges. paho's own check (`loop_misc`) is not
used: it takes a reader that is slow for a broker that is dead.
"""

from __future__ import annotations

from typing import Literal

Verdict = Literal["well", "ask", "lost"]

_ASK_AFTER = 2
# Half a keep-alive until we ask, one for the answer: as long as the broker waits for us
# (MQTT 3.1.1 section 3.1.2.10).
_LOST_AFTER = 6


class SignsOfLife:
    """What was heard and said lately on one connection."""

    def __init__(self, keepalive_s: float) -> None:
        self.quarter_s = keepalive_s / 4
        self.lost_after_s = self.quarter_s * _LOST_AFTER
        self._unheard = 0
        self._unsaid = 0
        self._asked = False

    def heard(self) -> None:
        """Something came from the broker."""
        self._unheard = 0
        self._asked = False

    def said(self) -> None:
        """Something went to the broker."""
        self._unsaid = 0

    def quarter_passed(self, *, listening: bool) -> Verdict:
        """A quarter of the keep-alive time is over; not `listening`, silence proves nothing."""
        self._unsaid += 1
        if listening:
            self._unheard += 1
        if self._unheard >= _LOST_AFTER:
            return "lost"
        silent = self._unheard >= _ASK_AFTER and not self._asked
        if silent or self._unsaid >= _ASK_AFTER:
            self._asked = True
            return "ask"
        return "well"
