-- name: frozen
-- By class: taken since when, and gone before when.
SELECT class, before, dropped_before FROM frozen

-- name: share
-- Writers of old readings beside each other; nothing is frozen meanwhile.
SELECT pg_advisory_xact_lock_shared(%(key)s)

-- name: take
-- Wait for writers of old readings, and keep others out until the end of the transaction.
SELECT pg_advisory_xact_lock(%(key)s)

-- name: marked_before
-- A row while readings of that time have not been summed up.
SELECT 1 WHERE EXISTS (SELECT FROM dirty WHERE minute < %(before)s)
            OR EXISTS (SELECT FROM dirty_hour WHERE hour < %(before)s)

-- name: freeze
-- Never back: what is gone does not return.
UPDATE frozen SET before = %(before)s
WHERE class = %(class)s AND (before IS NULL OR before < %(before)s)

-- name: set_dropped
-- The readings of the class before that are gone.
UPDATE frozen SET dropped_before = %(before)s WHERE class = %(class)s
