"""Metrics by name, one registry an object."""

from __future__ import annotations

import sys

import pytest

from runtime.metrics import CONTENT_TYPE, Metrics


def test_metrics_are_rendered_in_the_text_format() -> None:
    metrics = Metrics()
    metrics.counter("edge_dropped_total", "Dropped samples", ["cause"]).labels("full").inc(3)
    metrics.gauge("edge_buffer_bytes", "Bytes in the buffer").set(17)
    metrics.histogram("edge_poll_seconds", "Poll time").observe(0.02)
    text = metrics.render().decode()
    assert 'edge_dropped_total{cause="full"} 3.0' in text
    assert "edge_buffer_bytes 17.0" in text
    assert 'edge_poll_seconds_bucket{le="0.025"} 1.0' in text
    assert "# HELP edge_buffer_bytes Bytes in the buffer" in text
    assert CONTENT_TYPE.startswith("text/plain")


def test_the_same_name_gives_the_same_metric_and_another_kind_is_refused() -> None:
    metrics = Metrics()
    counter = metrics.counter("a_total", "A", ["x"])
    assert metrics.counter("a_total", "A", ["x"]) is counter
    with pytest.raises(ValueError, match="a_total"):
        metrics.gauge("a_total", "A", ["x"])
    with pytest.raises(ValueError, match="a_total"):
        metrics.counter("a_total", "A", ["y"])


def test_two_apps_in_one_process_do_not_share_anything() -> None:
    one, two = Metrics(), Metrics()
    one.counter("a_total", "A").inc()
    two.counter("a_total", "A")
    assert b"a_total 1.0" in one.render()
    assert b"a_total 0.0" in two.render()


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_the_process_itself_can_be_measured() -> None:
    assert b"process_resident_memory_bytes" in Metrics(process=True).render()
    assert b"process_" not in Metrics().render()
