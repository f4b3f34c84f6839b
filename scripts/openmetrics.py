#!/usr/bin/env python3
"""Reads a live /metrics page with the Prometheus project's own OpenMetrics parser, which is strict.

Usage: scripts/openmetrics.py URL
"""
import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

EXPECTED = {
    "process_resident_memory_bytes": "gauge",
    "stateset_append_events": "counter",
    "stateset_append_flush_seconds": "histogram",
    "stateset_append_group_events": "histogram",
    "stateset_append_waiting_events": "gauge",
    "stateset_build": "info",
    "stateset_database_size_bytes": "gauge",
    "stateset_http_request_duration_seconds": "histogram",
    "stateset_http_responses": "counter",
    "stateset_publisher_lag_seconds": "gauge",
}

with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
    kind, page = answer.headers["content-type"], answer.read().decode()
if not kind.startswith("application/openmetrics-text; version=1.0.0"):
    sys.exit(f"the media type is {kind}")
families = {family.name: family for family in text_string_to_metric_families(page)}
for name, kind in EXPECTED.items():
    if name not in families or families[name].type != kind:
        sys.exit(f"{name} is not there as a {kind}")
samples = sum(len(family.samples) for family in families.values())
print(f"openmetrics: {len(families)} families, {samples} samples")
