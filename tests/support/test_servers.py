"""The servers and the proxy do to their clients what a fault would do, and what they say they do."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from confluent_kafka import KafkaException, Producer

from tests.conftest import Names
from tests.support.hygiene import forget, leaks
from tests.support.kafka_jars import ROOT
from tests.support.processes import LOOPBACK, free_port
from tests.support.proxy import END_TXN, PRODUCE, Proxy
from tests.support.servers import KafkaServer, TansuServer, ValkeyServer
from tests.support.topic import create_topic, read_topic
from tests.support.worker import WorkerProcess


def _transactional(bootstrap: str, ident: str) -> Producer:
    settings = {"bootstrap.servers": bootstrap, "transactional.id": ident, "log_level": 0}
    producer = Producer(
        {
            **settings,
            "retry.backoff.ms": 20,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 50,
        }
    )
    producer.init_transactions(30)
    return producer


def _send_one(producer: Producer, topic: str) -> None:
    producer.begin_transaction()
    producer.produce(topic, b'{"n":1}', b"k")
    producer.flush(30)


def test_killed_kafka_comes_back_with_its_data(kafka_server: KafkaServer, names: Names) -> None:
    """After a SIGKILL the same port serves what was committed, and takes new transactions."""
    create_topic(kafka_server.bootstrap, names.articles, for_ever=True)
    producer = _transactional(kafka_server.bootstrap, names.instance)
    _send_one(producer, names.articles)
    producer.commit_transaction(30)
    before = kafka_server.port
    kafka_server.restart()
    assert kafka_server.port == before
    _send_one(producer, names.articles)
    producer.commit_transaction(30)
    assert len(read_topic(kafka_server.bootstrap, names.articles)) == 2


def test_second_producer_fences_the_first(kafka_server: KafkaServer, names: Names) -> None:
    """This broker's fencing is real: what the suite proves of exactly-once rests on it."""
    create_topic(kafka_server.bootstrap, names.articles, for_ever=True)
    zombie = _transactional(kafka_server.bootstrap, names.instance)
    _send_one(zombie, names.articles)
    _transactional(kafka_server.bootstrap, names.instance)
    with pytest.raises(KafkaException, match="_FENCED"):
        zombie.commit_transaction(30)
    assert read_topic(kafka_server.bootstrap, names.articles) == []


def test_request_cut_before_it_is_forwarded(
    kafka_server: KafkaServer, kafka_proxy: Proxy, names: Names
) -> None:
    """A produce request that is cut never reaches the broker; the client's retry does."""
    create_topic(kafka_server.bootstrap, names.articles, for_ever=True)
    producer = _transactional(kafka_proxy.address, names.instance)
    cut = kafka_proxy.cut(PRODUCE, "before", times=2)
    _send_one(producer, names.articles)
    producer.commit_transaction(30)
    cut.wait()
    assert kafka_proxy.requests[PRODUCE] == 1
    assert len(read_topic(kafka_server.bootstrap, names.articles)) == 1


def test_commit_done_and_its_answer_lost(
    kafka_server: KafkaServer, kafka_proxy: Proxy, names: Names
) -> None:
    """With the answer cut the broker has committed although the client never hears of it."""
    create_topic(kafka_server.bootstrap, names.articles, for_ever=True)
    producer = _transactional(kafka_proxy.address, names.instance)
    _send_one(producer, names.articles)
    cut = kafka_proxy.cut(END_TXN, "answer")
    kafka_proxy.cut(END_TXN, "before", times=1_000)  # nor by a retry
    with pytest.raises(KafkaException):
        producer.commit_transaction(0.5)
    cut.wait()
    assert kafka_proxy.requests[END_TXN] == 1
    assert len(read_topic(kafka_server.bootstrap, names.articles)) == 1


def test_commit_that_is_cut_before_the_broker(
    kafka_server: KafkaServer, kafka_proxy: Proxy, names: Names
) -> None:
    """The control of the above: cut before forwarding, and refused afterwards, nothing commits."""
    create_topic(kafka_server.bootstrap, names.articles, for_ever=True)
    producer = _transactional(kafka_proxy.address, names.instance)
    _send_one(producer, names.articles)
    cut = kafka_proxy.cut(END_TXN, "before", times=1_000)
    with pytest.raises(KafkaException):
        producer.commit_transaction(0.5)
    assert cut.done >= 1
    assert kafka_proxy.requests[END_TXN] == 0
    _transactional(kafka_server.bootstrap, names.instance)  # fences and aborts
    assert read_topic(kafka_server.bootstrap, names.articles) == []


Echo = tuple[Proxy, queue.Queue[bytes]]


@pytest.fixture
def echo() -> Iterator[Echo]:
    """A raw proxy before a server that answers with what it gets; and all that the server got."""
    got: queue.Queue[bytes] = queue.Queue()
    listener = socket.create_server((LOOPBACK, 0))

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            while data := connection.recv(1 << 16):
                got.put(data)
                connection.sendall(data)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with Proxy(listener.getsockname()) as proxy:
        yield proxy, got
    listener.close()


def _dial(proxy: Proxy) -> socket.socket:
    return socket.create_connection((LOOPBACK, proxy.port), timeout=10)


def test_cut_by_bytes(echo: Echo) -> None:
    """The connection ends in the middle of what is sent: the server has got just these bytes."""
    proxy, got = echo
    cut = proxy.cut_after_bytes(7)
    with _dial(proxy) as client, pytest.raises(ConnectionError):
        client.sendall(b"0123456789")
        while client.recv(100):
            pass
        raise ConnectionResetError  # an orderly end is an end too
    cut.wait()
    assert got.get(timeout=10) == b"0123456"
    with _dial(proxy) as client:
        client.sendall(b"after")
        assert client.recv(100) == b"after"
    assert got.get(timeout=10) == b"after"


def test_severed_and_refused(echo: Echo) -> None:
    """Open connections are reset at once; new ones while the proxy refuses, and not afterwards."""
    proxy, _ = echo
    with _dial(proxy) as client:
        client.sendall(b"a")
        assert client.recv(1) == b"a"
        assert proxy.sever() == 1
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    proxy.refuse = True
    with pytest.raises(ConnectionResetError), _dial(proxy) as client:
        client.recv(1)
    proxy.refuse = False
    with _dial(proxy) as client:
        client.sendall(b"b")
        assert client.recv(1) == b"b"


def test_stalled_proxy_holds_and_loses_nothing(echo: Echo) -> None:
    """During a stall nothing arrives and nothing is closed; afterwards everything arrives."""
    proxy, got = echo
    with _dial(proxy) as client:
        client.sendall(b"a")
        assert client.recv(1) == b"a"
        proxy.stall()
        client.sendall(b"b")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert [got.get(), got.empty()] == [b"a", True]
        proxy.flow()
        client.settimeout(10)
        assert client.recv(1) == b"b"


def test_delayed_redis_still_works(valkey_server: ValkeyServer, valkey_proxy: Proxy) -> None:
    """A delay of 5 ms each way shows as at least 10 ms an answer, and in nothing else."""
    valkey_proxy.delay_s = 0.005
    with redis.Redis(port=valkey_proxy.port, socket_timeout=10) as client:
        client.ping()
        (seconds, micros), *_ = [client.time()]
        for _ in range(20):
            after = client.time()
    assert (after[0] - seconds) * 1e6 + after[1] - micros >= 20 * 10_000


def test_killed_valkey_keeps_its_log(valkey_server: ValkeyServer, names: Names) -> None:
    """After a SIGKILL the same port serves what its append-only file holds."""
    key = f"{{{names.instance}:s00}}:x"
    with valkey_server.client() as client:
        client.set(key, "1")
        assert client.execute_command("WAITAOF", 1, 0, 10_000) == [1, 0]
    before = valkey_server.port
    valkey_server.restart()
    assert valkey_server.port == before
    with valkey_server.client() as client:
        assert client.get(key) == b"1"


def test_cut_append_only_file_rolls_back(tmp_path: Path) -> None:
    """A file cut at a former length brings back the former state; an emptied one nothing."""
    server = ValkeyServer(tmp_path / "valkey", settings={"appendfsync": "always"})
    server.start()
    try:
        with server.client() as client:
            client.set("a", "1")
            mark = server.aof.stat().st_size
            client.set("a", "2")
        server.kill()
        server.cut_aof(mark)
        server.start()
        with server.client() as client:
            assert client.get("a") == b"1"
        server.kill()
        server.empty()
        server.start()
        with server.client() as client:
            assert client.dbsize() == 0
    finally:
        server.close()


def test_fallback_broker_can_be_judged(tmp_path: Path) -> None:
    """Without Java the suite runs on the embedded broker, and the judge reads from it too."""
    server = TansuServer(tmp_path / "tansu")
    server.start()
    try:
        create_topic(server.bootstrap, "articles")
        producer = Producer({"bootstrap.servers": server.bootstrap})
        producer.produce("articles", b'{"n":1}', b"k", headers=[("ce_id", b"x")])
        assert producer.flush(30) == 0
        [record] = read_topic(server.bootstrap, "articles")
        assert (record.key, record.value, record.ce_id) == ("k", {"n": 1}, "x")
    finally:
        server.close()


def test_keys_without_ttl_are_found(valkey_server: ValkeyServer, names: Names) -> None:
    """A permanent key off the list, of the wrong type, or of a feed that is gone is a leak."""
    tag = f"{{{names.instance}:s00}}"
    with valkey_server.client() as client:
        client.set(f"{tag}:meta", "1")
        client.set(f"{tag}:c:listed", "1")
        client.set(f"{tag}:f:listed", "1")
        client.set(f"{tag}:a:0000", "1", ex=60)
        assert leaks(client, names.instance) == []
        client.set(f"{tag}:due", "1")
        client.set(f"{tag}:f:gone", "1")
        client.set(f"{tag}:other", "1")
        found = {line.split(": ")[0] for line in leaks(client, names.instance)}
        assert found == {f"{tag}:due", f"{tag}:f:gone", f"{tag}:other"}
        forget(client, names.instance)
        assert client.exists(f"{tag}:other") == 0


def test_port_is_out_of_the_kernels_own_range() -> None:
    """A server's port can never be given to a client that tries to reconnect to it."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < low for _ in range(100))


_PARENT = """
import subprocess, sys, time
from pathlib import Path
from tests.support.processes import spawn
child = spawn(["sleep", "600"], cwd=Path("."), env={"PATH": "/usr/bin:/bin"}, stdout=None)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_servers_die_with_the_test_run() -> None:
    """When the test run is killed without a chance to tidy up, what it started dies too."""
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
    )
    assert parent.stdout
    pid = int(parent.stdout.readline())
    os.kill(pid, 0)
    parent.kill()
    parent.wait()
    assert parent.stdout.read() == b""  # ends only when the child, who holds it too, has ended
    parent.stdout.close()


_STAND_IN = """
import json, os, sys, signal, threading
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(json.dumps({"event": "started", "seen": sorted(n for n in os.environ if "NEWSWIRE" in n)}))
print("no JSON")
print("trouble", file=sys.stderr)
sys.stdout.flush()
threading.Event().wait()
"""


def test_worker_process_reads_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are found by event and field, the test's own settings are not inherited, and a wait
    for what never comes says what was there instead."""
    monkeypatch.setenv("NEWSWIRE_OTHER", "1")
    command = (sys.executable, "-c", _STAND_IN)
    with WorkerProcess({"NEWSWIRE_INSTANCE": "x"}, command=command) as worker:
        line = worker.wait_for("started", seen=["NEWSWIRE_INSTANCE"])
        assert worker.wait_for("", raw="no JSON")
        assert worker.lines("started") == [line]
        assert worker.exit_code is None
        with pytest.raises(TimeoutError, match="no JSON"):
            worker.wait_for("started", after=1, timeout_s=0.1)
        worker.freeze()
        worker.thaw()
        assert worker.stop() == 0
        assert list(worker.stderr) == ["trouble"]
        with pytest.raises(TimeoutError, match="ended with 0"):
            worker.wait_for("never", timeout_s=60)
