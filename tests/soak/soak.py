"""Memory of a gateway under mixed load with thousands of idle connections: `./dev soak [SECONDS] [CONNECTIONS]`.

Starts a gateway with TLS, opens the connections (each sends one request and then waits), and runs h2load (HTTP/2) and
wrk (HTTP/1.1) in turn. After a warm-up, resident memory must stay within 5 %, and every idle connection must still
answer at the end."""

import argparse
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

TOLERANCE = 1.05
ROUND = 10  # seconds of load between two readings
PATH = "/marketplace/listings"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make_certificate(folder):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem")


def start(program, folder, connections):
    out = open(f"{folder}/out", "w+", encoding="utf-8")
    serving = subprocess.Popen(
        [program, "serve", "--demo", "--database", f"sqlite:{folder}/db", "--listen", "127.0.0.1:0", "--admin",
         "127.0.0.1:0", "--tls-cert", f"{folder}/cert.pem", "--tls-key", f"{folder}/key.pem", "--rate-address", "0",
         "--limits-connections", str(connections + 1000), "--limits-connections-per-address", str(connections + 1000),
         "--limits-idle-timeout", "1h", "--log-app", f"{folder}/log"], stdout=out)
    for _ in range(600):
        found = re.search(r"listening on https://127\.0\.0\.1:(\d+)", open(out.name, encoding="utf-8").read())
        if found:
            return serving, int(found[1])
        time.sleep(0.1)
    sys.exit("soak: the gateway does not start")


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def ask(connection):
    """Whether a connection answers a request with 200."""
    try:
        connection.sendall(f"GET {PATH}?limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        text = b""
        while b"\r\n\r\n" not in text:
            piece = connection.recv(65536)
            if not piece:
                return False
            text += piece
        head, _, body = text.partition(b"\r\n\r\n")
        missing = int(re.search(rb"Content-Length: (\d+)", head)[1]) - len(body)
        while missing > 0:
            piece = connection.recv(65536)
            if not piece:
                return False
            missing -= len(piece)
        return head.startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def open_idle(port, count):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    idle = []
    for _ in range(count):
        plain = socket.create_connection(("127.0.0.1", port), timeout=30)
        idle.append(context.wrap_socket(plain))
        if not ask(idle[-1]):
            sys.exit("soak: a new connection does not answer")
    return idle


def load(port, turn):
    """A round of load; returns its requests a second."""
    url = f"https://127.0.0.1:{port}{PATH}"
    if turn % 2 == 0:
        out = run("h2load", "-c", "20", "-m", "10", "-D", str(ROUND), url)
        if not re.search(r" 0 failed, 0 errored", out):
            sys.exit("soak: h2load had failures\n" + out)
        return float(re.search(r"finished in [^,]+, ([\d.]+) req/s", out)[1])
    out = run("wrk", "-t", "2", "-c", "20", "-d", f"{ROUND}s", url)
    if "Non-2xx" in out:
        sys.exit("soak: wrk had failures\n" + out)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--connections", type=int, default=5000)
    wanted = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder)
        serving, port = start(wanted.program, folder, wanted.connections)
        try:
            version = run("curl", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version}",
                          f"https://127.0.0.1:{port}{PATH}")
            if version != "2":
                sys.exit(f"soak: curl --http2 spoke HTTP/{version}")
            before = resident(serving.pid)
            idle = open_idle(port, wanted.connections)
            opened = resident(serving.pid)
            readings, rates = [], {"http2": 0.0, "http1": 0.0}
            end = time.monotonic() + wanted.seconds
            turn = 0
            while time.monotonic() < end or len(readings) < 2:
                rate = load(port, turn)
                rates["http2" if turn % 2 == 0 else "http1"] = rate
                turn += 1
                if turn > 2:  # the first round of each kind is the warm-up
                    readings.append(resident(serving.pid))
            answering = sum(ask(each) for each in idle)
            flat = max(readings) <= TOLERANCE * readings[0]
            print(json.dumps({"connections": wanted.connections, "answering": answering, "kib_started": before,
                              "kib_with_idle": opened, "kib_first": readings[0], "kib_most": max(readings),
                              "kib_last": readings[-1], "flat": flat, "requests_a_second": rates}))
            serving.send_signal(signal.SIGTERM)
            stopped = serving.wait(timeout=60)
            if not flat or answering != wanted.connections or stopped != 0:
                sys.exit(f"soak: failed (exit status {stopped})")
        finally:
            if serving.poll() is None:
                os.kill(serving.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
