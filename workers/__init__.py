"""Newswire: polls feeds, publishes normalized article events to Kafka."""
