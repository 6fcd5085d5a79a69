"""deploy/kubernetes: what kustomize makes of it is valid for Kubernetes, bounded, and fits the worker."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.kafka_jars import ROOT
from workers.feedlist.formats import parse_list
from workers.http.net import is_forbidden
from workers.metrics import MetricName
from workers.ops import server
from workers.settings import load

FOLDER = ROOT / "deploy" / "kubernetes"
VERSIONS = ("1.30", "1.33")


def _built() -> str | None:
    """What kustomize prints, or None where there is none."""
    for command in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if shutil.which(command[0]):
            done = subprocess.run(
                [*command, str(FOLDER)], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout
    return None


@cache
def manifests() -> dict[str, Any]:
    """By kind, as they stand in the folder; ConfigMaps are made by kustomize alone."""
    names = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    documents = [yaml.safe_load((FOLDER / name).read_text()) for name in names]
    return {document["kind"]: document for document in documents}


def _pod() -> dict[str, Any]:
    pod: dict[str, Any] = manifests()["Deployment"]["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", sorted(manifests()))
def test_a_manifest_is_valid(kind: str, version: str) -> None:
    """The schema of this version has every field, and no value is of another type."""
    # It takes the schemas of the nearest older version where it has none of this.
    assert kubernetes_validate.validate(manifests()[kind], version, strict=True) == version


def test_a_misspelt_field_is_not_valid() -> None:
    """The validation above can fail."""
    wrong = manifests()["Deployment"] | {"spec": manifests()["Deployment"]["spec"] | {"replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_what_kustomize_makes_is_valid() -> None:
    """It builds, everything is in one namespace, and each reference within it is met."""
    text = _built()
    if text is None:
        pytest.skip("NOT PROVED: there is neither kustomize nor kubectl on this machine")
    documents = list(yaml.safe_load_all(text))
    for document in documents:
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
        if document["kind"] != "Namespace":
            assert document["metadata"]["namespace"] == "newswire"
    made = {d["metadata"]["name"] for d in documents if d["kind"] == "ConfigMap"}
    (deployment,) = [d for d in documents if d["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (worker,) = pod["containers"]
    wanted = {e["configMapRef"]["name"] for e in worker["envFrom"]}
    wanted |= {v["configMap"]["name"] for v in pod["volumes"] if "configMap" in v}
    assert wanted == made
    assert worker["image"] == "registry.example/newswire:0.1.0"


def test_the_pod_holds_to_the_restricted_standard() -> None:
    """What the namespace demands by its label: Pod Security Standards, restricted."""
    labels = manifests()["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = _pod()
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532  # as in deploy/Dockerfile
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert {next(iter(set(v) - {"name"})) for v in pod["volumes"]} <= {
        "configMap",
        "secret",
        "emptyDir",
    }


def test_the_worker_starts_with_these_settings(tmp_path: Path) -> None:
    """Every variable is a setting, the list is read, the paths are mounted, and probes ask what is there."""
    (worker,) = _pod()["containers"]
    given = dict(line.split("=", 1) for line in (FOLDER / "settings.env").read_text().split())
    given |= {e["name"]: e["value"] for e in worker["env"] if e["name"].startswith("NEWSWIRE_")}
    mounts = {m["mountPath"] for m in worker["volumeMounts"]}
    for name in ("NEWSWIRE_FEEDS", "NEWSWIRE_REDIS_URL_FILE"):
        assert str(Path(given[name]).parent) in mounts
    secret = tmp_path / "redis_url"
    secret.write_text("redis://redis.redis.svc:6379/0")
    loaded = load(given | {"NEWSWIRE_REDIS_URL_FILE": str(secret)})
    assert not loaded.warnings
    assert parse_list((FOLDER / "feeds.yaml").read_bytes(), name="feeds.yaml").feeds
    source = Path(server.__file__).read_text()
    for probe in ("livenessProbe", "readinessProbe"):
        assert f'"{worker[probe]["httpGet"]["path"]}"' in source
    assert "EXPOSE 8080" in (ROOT / "deploy" / "Dockerfile").read_text()
    assert [p["containerPort"] for p in worker["ports"]] == [8080]
    assert _pod()["terminationGracePeriodSeconds"] >= 2 * loaded.settings.grace


def _feeds_rule() -> list[tuple[IPv4Network | IPv6Network, list[IPv4Network | IPv6Network]]]:
    (rule,) = [
        rule
        for rule in manifests()["NetworkPolicy"]["spec"]["egress"]
        if all("ipBlock" in to for to in rule["to"])
    ]
    return [
        (ip_network(to["ipBlock"]["cidr"]), [ip_network(n) for n in to["ipBlock"]["except"]])
        for to in rule["to"]
    ]


def _let_out(address: str) -> bool:
    network = ip_network(address)
    return any(
        network.version == block.version
        and network.subnet_of(block)  # type: ignore[arg-type]
        and not any(network.overlaps(n) for n in excepted)
        for block, excepted in _feeds_rule()
    )


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254",
        "127.0.0.1", "0.0.0.0", "100.64.0.1", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::ffff:10.0.0.1", "fd00::1", "fe80::1", "ff02::1", "64:ff9b::a00:1",
        "2002:a00:1::", "2001::1", "2001:db8::1", "fec0::1", "3fff::1",
    ],
)  # fmt: skip
def test_the_network_lets_no_feed_lead_inside(address: str) -> None:
    """What the worker refuses to dial, the network policy forbids as well."""
    assert is_forbidden(address)
    assert not _let_out(address)


@pytest.mark.parametrize(
    "address", ["9.9.9.9", "11.0.0.1", "172.15.0.1", "172.32.0.1", "151.101.0.81", "2a04:4e42::81"]
)
def test_the_network_lets_feeds_be_fetched(address: str) -> None:
    """Public addresses are reached, those beside the private ranges too."""
    assert not is_forbidden(address)
    assert _let_out(address)


def test_the_autoscaler_asks_for_a_metric_that_exists() -> None:
    """Its metric is one of the worker's, and it scales the deployment that is there."""
    spec = manifests()["HorizontalPodAutoscaler"]["spec"]
    (metric,) = spec["metrics"]
    assert metric["external"]["metric"]["name"] in MetricName.__args__  # type: ignore[attr-defined]
    assert spec["scaleTargetRef"]["name"] == manifests()["Deployment"]["metadata"]["name"]
    assert "replicas" not in manifests()["Deployment"]["spec"]


def test_selectors_find_the_pods() -> None:
    """Deployment, disruption budget, network policy and spread select the pods that there are."""
    labels = manifests()["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        manifests()["Deployment"]["spec"]["selector"],
        manifests()["PodDisruptionBudget"]["spec"]["selector"],
        manifests()["NetworkPolicy"]["spec"]["podSelector"],
        *(spread["labelSelector"] for spread in _pod()["topologySpreadConstraints"]),
    ]
    for selector in selectors:
        assert selector["matchLabels"].items() <= labels.items()
