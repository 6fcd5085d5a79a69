"""Counted crashes: what a ``read_committed`` consumer gets while everything around it fails."""
