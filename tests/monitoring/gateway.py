"""Programs that a test starts and ends, and a gateway with demo data."""

import contextlib
import re
import signal
import socket
import subprocess
import time
import urllib.request


def spare_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def started(words, log):
    with open(log, "w") as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def eventually(ready, what):
    for _ in range(600):
        found = ready()
        if found:
            return found
        time.sleep(0.1)
    raise SystemExit(f"{what}: not within a minute")


def fetch(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def answers(url):
    try:
        return fetch(url)
    except OSError:
        return None


@contextlib.contextmanager
def serve(program, folder, *flags):
    """A gateway on spare ports, its files in `folder`. Yields its two addresses."""
    log = folder / "gateway.log"
    with started([str(program), "serve", "--demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--database",
                  f"sqlite:{folder}/strata.db", *flags], log):
        address = r"listening on (http://\S+) \(admin (http://\S+)\)"
        yield eventually(lambda: re.search(address, log.read_text()), "the gateway").groups()
