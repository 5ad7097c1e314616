"""What is kept of reports when they come faster than they are taken."""

from __future__ import annotations

import numpy as np
import pytest
from asyncua import ua

from drivers.opcua.subscription import Inbox, Subscription


def inbox(most: int = 5, points: int = 4) -> Inbox:
    return Inbox(points=points, most=most, clock=lambda: 123)


def items(*handles: int) -> list[ua.MonitoredItemNotification]:
    return [
        ua.MonitoredItemNotification(ClientHandle=handle, Value=ua.DataValue(ua.Variant(handle)))
        for handle in handles
    ]


def answer(number: int, *data: object) -> ua.PublishResult:
    message = ua.NotificationMessage(SequenceNumber=number, NotificationData=list(data))
    return ua.PublishResult(SubscriptionId=1, NotificationMessage=message)


def test_everything_comes_out_once_in_order() -> None:
    box = inbox()
    box.put(items(0, 1))
    box.put(items(1, 2))
    rows, values = box.take()
    assert rows.tolist() == [0, 1, 1, 2]
    assert [value.Value.Value for value in values if value.Value] == [0, 1, 1, 2]
    assert (box.waiting, box.read_us, box.take()[0].tolist()) == (0, 123, [])


def test_beyond_the_bound_the_oldest_go_and_their_next_values_say_so() -> None:
    box = inbox(most=4)
    box.put(items(0, 1, 1))
    box.put(items(1, 2, 2, 1))
    assert (box.waiting, box.given_up) == (4, 3)
    rows, _ = box.take()
    assert rows.tolist() == [1, 2, 2, 1]
    # Only the first value behind the hole, and only of points that miss some.
    assert box.after_a_hole(rows).tolist() == [True, False, False, False]
    assert box.after_a_hole(rows).tolist() == [False] * 4
    # Point 0 reports later: its flag waited for it.
    assert box.after_a_hole(np.array([0])).tolist() == [True]


def test_one_notification_larger_than_the_bound_is_kept() -> None:
    box = inbox(most=1)
    box.put(items(0, 1, 2))
    assert (box.waiting, box.given_up) == (3, 0)


@pytest.mark.parametrize(
    ("numbers", "holes"), [([1, 2, 3], 0), ([1, 3], 1), ([2**32 - 1, 1], 0), ([7, 8, 10, 11], 1)]
)
def test_a_hole_in_the_numbering_flags_every_point_of_the_group(
    numbers: list[int], holes: int
) -> None:
    box = inbox(most=100)
    subscription = Subscription(0, np.array([2, 3]), box)
    for number in numbers:
        data = ua.DataChangeNotification(MonitoredItems=items(2))
        subscription.hear(answer(number, data), 1.0)
    assert subscription.holes == holes
    assert box.after_a_hole(np.array([0, 2, 3])).tolist() == [False, bool(holes), bool(holes)]


def test_a_keep_alive_is_heard_and_takes_no_number() -> None:
    box = inbox()
    subscription = Subscription(0, np.array([0]), box)
    data = ua.DataChangeNotification(MonitoredItems=items(0))
    subscription.hear(answer(1, data), 1.0)
    subscription.hear(answer(2), 2.0)  # a keep-alive says which number comes next
    subscription.hear(answer(2, data), 3.0)
    assert (subscription.holes, subscription.heard_s, box.waiting) == (0, 3.0, 2)


def test_the_server_ending_a_subscription_is_noted() -> None:
    subscription = Subscription(0, np.array([0]), inbox())
    ended = ua.StatusChangeNotification(Status=ua.StatusCode(ua.UInt32(0x800A_0000)))
    subscription.hear(answer(1, ended), 1.0)
    assert subscription.ended == "BadTimeout"


def test_values_under_handles_that_nobody_gave_out_are_dropped_and_counted() -> None:
    box = inbox(most=4)
    box.put(items(0, 4, 2**32 - 1, 1))
    rows, values = box.take()
    assert rows.tolist() == [0, 1]
    assert len(values) == 2
    assert box.foreign == 2
    box.put(items(9, 9, 9))
    box.put(items(1, 2, 3))
    assert box.take()[0].tolist() == [1, 2, 3]
