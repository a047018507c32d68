"""compose.yaml agrees with the code, the switch's configuration and the files it mounts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from callcontrol.config import Settings

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
ENGINES = {name: one for name, one in SERVICES.items() if name.startswith("engine-")}
SETTINGS = {f"CALLCONTROL_{name.upper()}" for name in Settings.model_fields}
KNOWN = {
    "image", "build", "network_mode", "restart", "depends_on", "environment", "volumes",
    "command", "entrypoint", "healthcheck", "tmpfs",
}  # fmt: skip


def prometheus(name):
    """Read a file of Prometheus'."""
    return yaml.safe_load((ROOT / "ops" / "prometheus" / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service(name):
    """Words that Compose knows, an image of one version, mounts and services that exist."""
    service = SERVICES[name]
    _, _, version = service["image"].rpartition(":")

    assert service.keys() <= KNOWN
    assert re.search(r"\d+\.\d+", version)
    for volume in service.get("volumes", ()):
        source, target = volume.split(":")[:2]
        assert (
            (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        )
        assert target.startswith("/")
    assert service.get("depends_on", {}).keys() <= SERVICES.keys()


def test_every_volume_is_used():
    """None is left over from a service that is gone."""
    used = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
    }

    assert {source for source in used if not source.startswith(".")} == COMPOSE[
        "volumes"
    ].keys()


def test_settings_are_ours():
    """Engines are given settings that there are, with values that pass."""
    for engine in ENGINES.values():
        given = {
            name: value for name, value in engine["environment"].items() if "$" not in value
        }
        assert engine["environment"].keys() <= SETTINGS
        Settings(
            **{
                name.removeprefix("CALLCONTROL_").lower(): value
                for name, value in given.items()
            }
        )


def test_the_switch_knows_its_settings():
    """Each variable it is given is read in vars.xml."""
    known = (ROOT / "freeswitch-conf" / "vars.xml").read_text(encoding="utf-8")

    for name in SERVICES["freeswitch"]["environment"]:
        assert f"${name}" in known or f"${{{name}" in known


def test_the_switch_calls_both_engines():
    """Where it connects is where they listen, and nothing is listened at twice."""
    listened = [
        f"{one['environment']['CALLCONTROL_LISTEN_HOST']}:{one['environment']['CALLCONTROL_LISTEN_PORT']}"
        for one in ENGINES.values()
    ]

    assert SERVICES["freeswitch"]["environment"]["SWITCH_ENGINES"].split("|") == listened
    assert len(set(listened)) == len(ENGINES) == 2


def test_each_engine_looks_after_the_other():
    """Its peer is the other's journal, on the volume both have."""
    journals = [one["environment"]["CALLCONTROL_JOURNAL"] for one in ENGINES.values()]
    peers = [one["environment"]["CALLCONTROL_PEERS"] for one in ENGINES.values()]

    assert peers == journals[::-1]
    for engine in ENGINES.values():
        assert "journals:/var/lib/callcontrol" in engine["volumes"]


def test_prometheus_asks_both_engines():
    """At the ports of their figures; and it finds its rules where they are mounted."""
    config = prometheus("prometheus.yaml")
    (job,) = config["scrape_configs"]
    (targets,) = job["static_configs"]
    shown = [
        f"127.0.0.1:{one['environment']['CALLCONTROL_METRICS_PORT']}"
        for one in ENGINES.values()
    ]

    assert targets["targets"] == shown
    for file in config["rule_files"]:
        assert prometheus(file)["groups"]
    assert any(
        "/etc/prometheus/prometheus.yaml" in word for word in SERVICES["prometheus"]["command"]
    )


def test_grafana_finds_prometheus_and_dashboards():
    """By the address Prometheus listens at, and the folder that is mounted."""
    provisioning = ROOT / "ops" / "grafana" / "provisioning"
    source = yaml.safe_load(
        (provisioning / "datasources" / "prometheus.yaml").read_text("utf-8")
    )
    boards = yaml.safe_load(
        (provisioning / "dashboards" / "callcontrol.yaml").read_text("utf-8")
    )
    path = boards["providers"][0]["options"]["path"]
    address = source["datasources"][0]["url"].removeprefix("http://")

    assert f"--web.listen-address={address}" in SERVICES["prometheus"]["command"]
    assert f"./ops/grafana/dashboards:{path}:ro" in SERVICES["grafana"]["volumes"]


def test_the_image_opens_the_ports_of_the_defaults():
    """And keeps its journal on the volume."""
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    fields = Settings.model_fields

    assert (
        f"EXPOSE {fields['listen_port'].default} {fields['metrics_port'].default}\n" in docker
    )
    assert "CALLCONTROL_JOURNAL=/var/lib/callcontrol/" in docker
    assert "VOLUME /var/lib/callcontrol\n" in docker
    for name in re.findall(r"(CALLCONTROL_\w+)=", docker):
        assert name in SETTINGS
