"""Gzip for the client library's batches, at a fifteenth of the CPU.

kafka-python 3.0.12 compresses with zlib at its dearest level and takes no other: 0.18 ms of CPU an event
of 6 KB, a sixth of what a new article costs from fetch to Kafka. ISA-L's level 1 takes 0.012 ms for a
tenth more bytes; any reader of gzip reads it.
"""

from __future__ import annotations

from isal import isal_zlib
from kafka.record import default_records

_LEVEL = 1
_GZIP = 16 + 15  # window bits that ask for gzip's header and checksum


def encode(payload: bytes) -> bytes:
    """One gzip member of ``payload``."""
    return isal_zlib.compress(payload, _LEVEL, _GZIP)


def install() -> None:
    """Make the library's producers of this process compress so."""
    default_records.gzip_encode = encode
