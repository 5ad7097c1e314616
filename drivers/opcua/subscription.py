"""What a server reports of one group, taken whole notifications at a time.

Invariants: at most `most` values wait; beyond it the oldest are given up, counted, and the next
value of each of their points is flagged OVERFLOW; a hole in the server's numbering flags every
point of the group likewise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from runtime.clock import Clock

Rows = NDArray[np.intp]


class Inbox:
    """Takes publish results as they come; `take` empties it. Handles are rows of the device."""

    def __init__(self, *, points: int, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._parts: deque[list[ua.MonitoredItemNotification]] = deque()
        self._missing = np.zeros(points, np.bool_)
        self._any_missing = False
        self.waiting = 0
        self.given_up = 0
        self.foreign = 0
        """Values under handles that nobody gave out; dropped."""
        self.read_us = 0

    def put(self, items: list[ua.MonitoredItemNotification]) -> None:
        """Keep what a notification says, give up the oldest beyond the bound."""
        self._parts.append(items)
        self.waiting += len(items)
        self.read_us = self._clock()
        while self.waiting > self._most and len(self._parts) > 1:
            oldest = self._parts.popleft()
            self.waiting -= len(oldest)
            self.given_up += len(oldest)
            self.missed(np.array([item.ClientHandle for item in oldest], np.intp))

    def missed(self, rows: Rows) -> None:
        """Values of these points are missing: their next ones will say so."""
        self._missing[rows[rows < self._missing.size]] = True
        self._any_missing = True

    def take(self) -> tuple[Rows, Sequence[ua.DataValue]]:
        """Everything that waits, in the order in which it came."""
        items = [item for part in self._parts for item in part]
        self._parts.clear()
        self.waiting = 0
        rows: Rows = np.array([item.ClientHandle for item in items], np.intp)
        ours = rows < self._missing.size
        if not ours.all():
            self.foreign += int((~ours).sum())
            items = [items[at] for at in np.flatnonzero(ours).tolist()]
            rows = rows[ours]
        return rows, [item.Value for item in items]

    def after_a_hole(self, rows: Rows) -> NDArray[np.bool_]:
        """Which of the values at these rows are the first after missing ones; forgets it."""
        flagged = np.zeros(rows.size, np.bool_)
        if self._any_missing:
            # The first value of each point: np.unique gives the place of the first occurrence.
            found, first = np.unique(rows, return_index=True)
            flagged[first] = self._missing[found]
            self._missing[found] = False
            self._any_missing = bool(self._missing.any())
        return flagged


class Subscription:
    """The state of one group's subscription at the server; `hear` is called for each answer."""

    def __init__(self, group: int, rows: Rows, inbox: Inbox) -> None:
        self.group = group
        self.rows = rows
        self.id = 0
        """The server's number for it."""
        self.silence_s = 0.0
        """Longest time without a word from the server."""
        self.heard_s = 0.0
        self.ended = ""
        """Why the server ended it; empty while it has not."""
        self.holes = 0
        self._inbox = inbox
        self._next: int | None = None

    def hear(self, result: ua.PublishResult, now_s: float) -> None:
        """Take an answer: notifications, or only the news that the subscription is alive."""
        self.heard_s = now_s
        message = result.NotificationMessage
        if not message.NotificationData:
            return
        # Part 4, 5.14.1.1: numbered from 1 without holes, after 2**32 - 1 from 1 again.
        number = int(message.SequenceNumber)
        if self._next is not None and number != self._next:
            self.holes += 1
            self._inbox.missed(self.rows)
        self._next = 1 if number >= 2**32 - 1 else number + 1
        for notification in message.NotificationData:
            if isinstance(notification, ua.DataChangeNotification):
                self._inbox.put(notification.MonitoredItems or [])
            elif isinstance(notification, ua.StatusChangeNotification):
                self.ended = ua.StatusCode(notification.Status.value).name
