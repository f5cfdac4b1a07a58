"""The alerts and the dashboard of packaging/, against a real Prometheus that scrapes a gateway under load.

  monitoring_test.py PROGRAM REPOSITORY
"""

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

from gateway import answers, eventually, fetch, serve, spare_port, started

program, repository = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
alerts = repository / "packaging/prometheus/alerts.yml"
dashboard = repository / "packaging/grafana/strata.json"
# Series of a relay, and of the edge, which this gateway does not have.
absent_here = re.compile(r"\b(relay|edge)_")
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)


def check_rules():
    for words in (["promtool", "check", "rules", str(alerts)],
                  ["promtool", "test", "rules", str(alerts.with_name("alerts_test.yml"))]):
        ran = subprocess.run(words, capture_output=True, text=True, cwd=alerts.parent)
        check(ran.returncode == 0, f"{' '.join(words)}:\n{ran.stdout}{ran.stderr}")
    tested = alerts.with_name("alerts_test.yml").read_text()
    named = re.findall(r"- alert: (\w+)", alerts.read_text())
    guide = (repository / "docs/guide/alerts.md").read_text()
    check(len(named) > 10, "alerts.yml has lost its rules")
    for each in named:
        check(re.search(rf"alertname: {each}\s+exp_alerts", tested), f"alerts_test.yml never expects {each}")
        check(f"`{each}`" in guide, f"docs/guide/alerts.md does not say what to do about {each}")


def check_names(text):
    guide = (repository / "docs/guide/metrics.md").read_text()
    names = set(re.findall(r"\b(?:cache|store|relay|edge|http)_[a-z0-9_]+\b", text))
    labels = {"cache_type"}
    for name in names - labels:
        known = name.removesuffix("_bucket")
        check(f"`{known}`" in guide, f"docs/guide/metrics.md has no {known}")


def queries():
    found = []
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel["targets"]:
            text = target["expr"].replace("$job", ".*").replace("$instance", ".*").replace("$__rate_interval", "5s")
            check("$" not in text, f"{panel['title']}: a variable is left in {text}")
            found.append((panel["title"], text))
    check(len(found) > 20, "the dashboard has lost its panels")
    return found


def check_dashboard(prometheus):
    for title, text in queries():
        url = f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": text})
        answer = json.loads(answers(url) or '{"status": "refused"}')
        check(answer["status"] == "success", f"{title}: Prometheus refuses {text}")
        if answer["status"] != "success" or absent_here.search(text):
            continue
        check(answer["data"]["result"] or " > 0" in text, f"{title}: no series for {text}")


def main():
    check_rules()
    check_names(alerts.read_text() + dashboard.read_text())
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        at = pathlib.Path(folder)
        redis_port, prometheus_port = spare_port(), spare_port()
        running.enter_context(started(["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "",
                                       "--dir", folder], at / "redis.log"))
        public, admin = running.enter_context(serve(program, at, "--store", f"redis://127.0.0.1:{redis_port}"))
        linted = subprocess.run(["promtool", "check", "metrics"], input=fetch(admin + "/metrics"), text=True,
                                capture_output=True)
        check(linted.returncode == 0, f"promtool check metrics:\n{linted.stdout}{linted.stderr}")
        (at / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s}\n"
            f"rule_files: ['{alerts}']\n"
            f"scrape_configs: [{{job_name: strata, static_configs: [{{targets: ['{admin.removeprefix('http://')}']}}]}}]\n")
        prometheus = f"http://127.0.0.1:{prometheus_port}"
        running.enter_context(started(["prometheus", f"--config.file={at}/prometheus.yml", f"--storage.tsdb.path={at}/tsdb",
                                       f"--web.listen-address=127.0.0.1:{prometheus_port}"], at / "prometheus.log"))
        counted = prometheus + "/api/v1/query?query=" + urllib.parse.quote("min(count_over_time(strata_build_info[1m]))")

        def scraped():
            for page in range(1, 4):
                fetch(f"{public}/marketplace/listings?page={page}")
            series = json.loads(answers(counted) or '{"data": {"result": []}}')["data"]["result"]
            return series and float(series[0]["value"][1]) >= 4

        eventually(scraped, "Prometheus")
        check_dashboard(prometheus)
    for each in failures:
        print(each)
    return 1 if failures else 0


sys.exit(main())
