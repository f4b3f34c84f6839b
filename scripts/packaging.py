#!/usr/bin/env python3
"""Checks docker-compose.yml, the Dockerfile and the systemd unit as far as that goes without running them.

Usage: scripts/packaging.py SERVER_BINARY

L19: every service has an image or a build, a health check, and starts after healthy ones; what the guide promises of ports and
profiles is there; Kafka's listeners fit together; every variable that is handed to the sequencer is one that it reads,
and its configuration is accepted by the program itself.
"""

import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
PORTS = {
    "postgres": [],
    "sequencer": ["127.0.0.1:8080:8080"],
    "kafka": ["127.0.0.1:9094:9094"],
    "mail": ["127.0.0.1:1025:1025", "127.0.0.1:8025:8025"],
}
DEMO = {"kafka", "mail"}


def must(holds: bool, fault: str) -> None:
    if not holds:
        sys.exit(f"packaging: {fault}")


def defaults(text: str) -> str:
    """`${NAME:-default}` as compose sees it in an empty environment."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)


def check_compose(compose: dict) -> None:
    services = compose["services"]
    must(set(services) == set(PORTS), f"the services are {sorted(services)}")
    for name, service in services.items():
        must("image" in service or "build" in service, f"{name} has neither image nor build")
        must("build" in service or ":" in service["image"], f"the image of {name} has no version")
        test = service["healthcheck"]["test"]
        must(test[0] in ("CMD", "CMD-SHELL") and len(test) > 1, f"the health check of {name} is {test}")
        must(service.get("ports", []) == PORTS[name], f"the ports of {name} are {service.get('ports')}")
        must((service.get("profiles") == ["demo"]) == (name in DEMO), f"the profiles of {name}")
        for other, condition in service.get("depends_on", {}).items():
            must(condition == {"condition": "service_healthy"} and other in services, f"{name} waits for {other}")
        for volume in service.get("volumes", []):
            must(volume.split(":")[0] in compose["volumes"], f"{name} mounts {volume}")
    kafka = services["kafka"]["environment"]
    must("kafka:9092" in kafka["KAFKA_ADVERTISED_LISTENERS"], "kafka is not kafka:9092 for other containers")
    must("localhost:9094" in kafka["KAFKA_ADVERTISED_LISTENERS"], "kafka is not localhost:9094 for this machine")
    listeners = {entry.split(":")[0] for entry in kafka["KAFKA_LISTENERS"].split(",")}
    mapped = {entry.split(":")[0] for entry in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")}
    must(listeners == mapped, f"kafka listens as {listeners} and maps {mapped}")
    postgres, url = services["postgres"]["environment"], defaults(services["sequencer"]["environment"]["DATABASE_URL"])
    expected = f"postgres://{postgres['POSTGRES_USER']}:{defaults(postgres['POSTGRES_PASSWORD'])}@postgres:5432/"
    must(url == expected + postgres["POSTGRES_DB"], f"the sequencer connects to {url}")


def known_variables(binary: str) -> set[str]:
    page = subprocess.run([binary, "config-reference"], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"^\| `([A-Z_0-9]+)` \|", page, re.M))


def check_accepted(binary: str, environment: dict[str, str]) -> None:
    """The program reads this configuration without a complaint; `healthcheck` then finds nobody, which is its answer."""
    run = subprocess.run([binary, "healthcheck"], env=environment | {"PORT": "1", "HOST": "127.0.0.1"},
                         capture_output=True, text=True)
    faults = [name for name in environment if name in run.stderr]
    must(not faults, f"the sequencer does not accept {faults}: {run.stderr}")


def main() -> None:
    binary = sys.argv[1]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    check_compose(compose)
    known = known_variables(binary)
    environment = {name: defaults(value) for name, value in compose["services"]["sequencer"]["environment"].items()}
    dockerfile = (ROOT / "Dockerfile").read_text()
    in_image = dict(re.findall(r"([A-Z_]+)=(\S+)", re.search(r"^ENV (.*)$", dockerfile, re.M).group(1)))
    unit = (ROOT / "packaging/stateset-sequencer.service").read_text()
    lines = " ".join(re.findall(r"^Environment=(.*)$", unit, re.M))
    in_unit = dict(assignment.split("=", 1) for assignment in lines.split())
    for where, variables in (("docker-compose.yml", environment), ("Dockerfile", in_image), ("the unit", in_unit)):
        unknown = set(variables) - known
        must(not unknown, f"{where} sets {sorted(unknown)}, which the sequencer does not read")
    check_accepted(binary, environment)
    print(f"packaging: {len(compose['services'])} services, {len(environment) + len(in_image) + len(in_unit)} variables")


main()
