"""Pure folds over ordered events: quantities, attribution, orders, alarms. No I/O, no clock.

Readings of a tag, in stream order, with state saved beside them:
`counters` (to `facts`), `order_tags` (to `assignments`), `alarms` (by `alarm_rules`).
Without state: `attribution` of facts by a timeline, `orders` and `quantities`, `restatements`,
`alarm_states` and `alarm_actions`, `alarm_news`, `buckets`.
"""
