"""Pure folds over ordered events: quantities, attribution, orders, alarms. No I/O, no clock."""
