"""What a caller does about an error of the database is decided by its SQLSTATE."""

from __future__ import annotations

import psycopg
import pytest

from ingest_server.store.errors import (
    BadBatch,
    StoreAway,
    StoreError,
    StoreRefuses,
    translate,
    wrapped,
)
from runtime.errors import Quarantine, Reconfigure, RetryLater


@pytest.mark.parametrize(
    ("error", "kind", "meaning"),
    [
        (psycopg.errors.NumericValueOutOfRange("x"), BadBatch, Quarantine),
        (psycopg.errors.CheckViolation("x"), BadBatch, Quarantine),
        (psycopg.errors.DeadlockDetected("x"), StoreAway, RetryLater),
        (psycopg.errors.SerializationFailure("x"), StoreAway, RetryLater),
        (psycopg.errors.AdminShutdown("x"), StoreAway, RetryLater),
        (psycopg.errors.DiskFull("x"), StoreAway, RetryLater),
        (psycopg.errors.ReadOnlySqlTransaction("x"), StoreAway, RetryLater),
        (psycopg.errors.LockNotAvailable("x"), StoreAway, RetryLater),
        (psycopg.OperationalError("connection refused"), StoreAway, RetryLater),
        (psycopg.OperationalError("password authentication failed"), StoreRefuses, Reconfigure),
        (psycopg.errors.InvalidPassword("x"), StoreRefuses, Reconfigure),
        (psycopg.errors.UndefinedTable("x"), StoreRefuses, Reconfigure),
        (psycopg.DataError("cannot dump"), BadBatch, Quarantine),
    ],
)
def test_each_error_says_what_to_do(
    error: psycopg.Error, kind: type[StoreError], meaning: type[Exception]
) -> None:
    found = translate(error)
    assert type(found) is kind
    assert isinstance(found, meaning)


def test_errors_are_wrapped_once() -> None:
    with pytest.raises(StoreAway) as caught, wrapped():
        raise psycopg.OperationalError("gone\n\taway")
    assert caught.value.params["reason"] == "gone away"
    assert isinstance(caught.value.__cause__, psycopg.OperationalError)
