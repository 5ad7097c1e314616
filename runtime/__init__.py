"""Plumbing that both programs share: configuration, messages, logs, MQTT, supervision."""
