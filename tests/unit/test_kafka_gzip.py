"""The compression of what is published."""

from __future__ import annotations

import gzip

from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from workers.publisher import kafka_gzip


def test_batches_of_the_library_are_compressed_by_ours_and_read_by_all() -> None:
    """A batch that the library builds has our gzip member, which the library and zlib read."""
    kafka_gzip.install()
    value = b'{"headline": "Market guild opens a tool library"}' * 40
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=DefaultRecordBatchBuilder.CODEC_GZIP,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 20,
    )
    builder.append(0, 1, b"key", value, [("ce_id", b"one")])
    plain = bytes(builder._buffer[DefaultRecordBatchBuilder.HEADER_STRUCT.size :])
    built = bytes(builder.build())
    assert built.endswith(kafka_gzip.encode(plain)) and len(built) < len(plain)
    assert gzip.decompress(kafka_gzip.encode(plain)) == plain
    [record] = DefaultRecordBatch(built)
    assert (record.key, record.value, record.headers) == (b"key", value, [("ce_id", b"one")])
