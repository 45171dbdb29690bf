#!/usr/bin/env python3
"""Asks a Prometheus that scrapes a cluster; for scripts/metrics-check.sh.

    metrics-check.py agree URL JOBS                  the counters agree with each other
    metrics-check.py answers URL DASHBOARD ALERTS    every expression has samples
"""
import json
import re
import sys
import time
import urllib.parse
import urllib.request


def query(url, expression):
    """The samples of an expression now: labels and values."""
    data = urllib.parse.urlencode({"query": expression}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/query", data, timeout=30) as answer:
        result = json.load(answer)["data"]["result"]
    return [(sample["metric"], float(sample["value"][1])) for sample in result]


def value(url, expression):
    samples = query(url, expression)
    if len(samples) != 1:
        raise SystemExit(f"metrics-check: {expression} has {len(samples)} samples instead of 1")
    return samples[0][1]


def agree(url, jobs):
    jobs = float(jobs)
    # The latest scrape may be a second old, and a snapshot of the master another one.
    deadline = time.monotonic() + 20
    while True:
        done = value(url, 'sum(tessera_attempts_total{outcome="done"})')
        copies = value(url, 'sum(tessera_reassignments_total{cause="speculative"})')
        # Each with its bounds. Of a task and its speculative copy only one attempt ends with the result.
        figures = {
            "jobs that ended": (value(url, 'sum(tessera_jobs{state="ended"})'), jobs, jobs),
            "open jobs": (value(url, 'sum(tessera_jobs{state!="ended"})'), 0, 0),
            "attempts that ended without a result": (
                value(url, 'sum(tessera_attempts_total{outcome!~"done|moved-to-idle-worker"})'), 0, 0,
            ),
            # A result that came after its lease had been moved has none.
            "tasks with a duration": (
                value(url, "sum(tessera_task_seconds_count)"),
                done - copies - value(url, 'sum(tessera_reassignments_total{cause="moved"})'), done,
            ),
            "leases granted, besides those that were moved": (
                value(url, "sum(tessera_leases_granted_total)")
                - value(url, 'sum(tessera_attempts_total{outcome="moved-to-idle-worker"})'),
                done, done + copies,
            ),
            "attempts done, by the workers": (
                value(url, 'sum(tessera_worker_attempts_total{outcome="done"})'), done, done + copies,
            ),
        }
        outside = {name: figure for name, figure in figures.items() if not figure[1] <= figure[0] <= figure[2]}
        if not outside and done > 0:
            break
        if time.monotonic() > deadline:
            raise SystemExit(f"metrics-check: outside of their bounds: {outside}")
        time.sleep(0.5)
    for name, figure in figures.items():
        print(f"{name}: {figure[0]:g}")


def answers(url, dashboard, alerts):
    with open(dashboard) as file:
        panels = json.load(file)["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    if len(expressions) < 30:
        raise SystemExit(f"metrics-check: {dashboard} has only {len(expressions)} expressions")
    for expression in expressions:
        filled = expression.replace("$__rate_interval", "1m").replace("$master", ".*").replace("$worker", ".*")
        if not query(url, filled):
            raise SystemExit(f"metrics-check: the dashboard's {expression} has no samples")
    # An alert's expression has none while all is well; the series that it is about have.
    with open(alerts) as file:
        text = file.read()
    names = set(re.findall(r"\b(?:tessera_\w+|up)(?:\{[^}]*\})?", "\n".join(re.findall(r"expr: (.*)", text))))
    for name in names:
        # Which of its values a series has is what the alert is about; that it has labels and a job is not.
        if not query(url, re.sub(r'outcome=~"[^"]*"', 'outcome=~".+"', name)):
            raise SystemExit(f"metrics-check: the alerts' series {name} has no samples")
    print(f"{len(expressions)} expressions of the dashboard and {len(names)} series of the alerts have samples")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"agree": agree, "answers": answers}[command](*arguments)
