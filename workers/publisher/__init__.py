"""Outbox to Kafka."""
