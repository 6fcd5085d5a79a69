"""The life of the Compose file, for real: ``make compose-test``."""
