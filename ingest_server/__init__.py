"""The ingestion server: takes batches from MQTT, keeps them, folds them into orders and alarms."""
