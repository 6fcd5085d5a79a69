"""Names of the keys. Keys of one shard share a hash tag, so that every script runs on a cluster."""

from __future__ import annotations

import zlib


class Keys:
    """Key names of one instance."""

    def __init__(self, instance: str, shards: int) -> None:
        self.instance = instance
        self.shards = shards
        self._tags = [f"{{{instance}:s{n:02d}}}" for n in range(shards)]

    def tag(self, shard: int) -> str:
        """The hash tag of a shard."""
        return self._tags[shard]

    def key(self, shard: int, name: str) -> str:
        """A key of a shard, such as ``meta``, ``due``, ``claims``, ``out``, ``ob``, ``lease``."""
        return f"{self._tags[shard]}:{name}"

    def feed_shard(self, feed_id: str) -> int:
        """The shard a feed lives in."""
        return zlib.crc32(feed_id.encode()) % self.shards

    def article_shard(self, article: bytes) -> int:
        """The shard an article lives in, from the first two bytes of its binary id."""
        return int.from_bytes(article[:2], "big") % self.shards

    def bucket(self, article: bytes) -> tuple[str, bytes]:
        """The hash that holds an article's record, and its field: 65,536 buckets in all."""
        return f"{self._tags[self.article_shard(article)]}:a:{article[:2].hex()}", article[2:]

    def host(self, host: str) -> tuple[str, str]:
        """The two keys of a host's politeness: its clock, and the fetches that run."""
        tag = f"{{{self.instance}:h:{host}}}"
        return tag, f"{tag}:r"

    def list_key(self, name: str) -> str:
        """A key of the feed list: ``version`` or ``lease``."""
        return f"{{{self.instance}:list}}:{name}"
