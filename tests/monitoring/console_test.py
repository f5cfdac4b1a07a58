"""The console in Chromium: what it shows is what the admin listener says.

  console_test.py PROGRAM
"""

import html
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

from gateway import fetch, serve

program = pathlib.Path(sys.argv[1])
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)


def open_page(url, folder):
    """The page as text after four seconds of its own time, without markup, and the document."""
    ran = subprocess.run(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={folder}/chromium", "--virtual-time-budget=4000", "--enable-logging=stderr", "--dump-dom", url],
        capture_output=True, text=True, timeout=120)
    for line in ran.stderr.splitlines():
        check("CONSOLE" not in line, f"the page reports: {line}")
    text = html.unescape(re.sub(r"<[^>]*>", "\n", ran.stdout))
    return re.sub(r"\s*\n\s*", "\n", text), ran.stdout


def total(text, name, **labels):
    found = 0.0
    for line in text.splitlines():
        if line.startswith(name + "{") and all(f'{key}="{value}"' in line for key, value in labels.items()):
            found += float(line.rsplit(" ", 1)[1])
    return int(found)


def invalidate(admin, body):
    request = urllib.request.Request(admin + "/cache/invalidate", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def check_console(public, admin, folder):
    with urllib.request.urlopen(admin + "/", timeout=20) as answer:
        check(answer.url == admin + "/console/", f"/ leads to {answer.url}")
        policy = answer.headers["Content-Security-Policy"] or ""
        check("default-src 'none'" in policy and "unsafe" not in policy, f"the policy of the page is {policy!r}")
    listing = json.loads(fetch(public + "/marketplace/listings?limit=1"))["items"][0]["id"]
    for _ in range(5):
        fetch(f"{public}/marketplace/listings/{listing}")
    address = f"{admin}/console/?key=" + urllib.parse.quote(f"listing:{listing}")
    text, document = open_page(address, folder)
    metrics = fetch(admin + "/metrics")
    row = re.search(r'<th scope="row">listing</th>(.*?)</tr>', document)
    check(row is not None, "the table has no row for listings")
    shown = re.findall(r">([^<>]*)</td>", row.group(1)) if row else []
    hits = total(metrics, "cache_hits_total", cache_type="listing", level="l1")
    misses = total(metrics, "cache_misses_total", cache_type="listing")
    check(hits >= 4 and misses >= 1, f"{hits} hits and {misses} misses of listings")
    check(shown[:1] == [str(hits + misses)] and shown[2:5] == [str(hits), "0", str(misses)],
          f"the table shows {shown} for {hits} hits and {misses} misses")
    check("\nready\n" in text, "the page does not say that the gateway is ready")
    check("The next read is answered from memory." in text, "the key is not explained")

    previewed = invalidate(admin, {"keys": [f"listing:{listing}"], "preview": True})
    dropped = invalidate(admin, {"keys": [f"listing:{listing}"]})
    check(previewed["values"] == dropped["values"] == {"listing": 1}, f"previewed {previewed}, dropped {dropped}")
    text, _ = open_page(address, folder)
    check("\nremoved\n" in text, "the reason of the next miss is not shown")
    check("removed" not in text.split("Why reads missed")[1].split("Key")[0], "nobody has read the key yet")
    fetch(f"{public}/marketplace/listings/{listing}")
    text, _ = open_page(address, folder)
    check("\nremoved\n" in text.split("Why reads missed")[1].split("Key")[0], "the miss and its reason are not counted")


def check_token(admin, folder):
    text, document = open_page(admin + "/console/", folder)
    check('<dialog id="login"' in document and "open" in re.search(r"<dialog[^>]*>", document).group(),
          "the page does not ask for the token")
    check("cache_" not in text, "the page shows data without the token")


with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
    with serve(program, pathlib.Path(one)) as (public, admin):
        check_console(public, admin, one)
    with serve(program, pathlib.Path(two), "--admin-token", "a-token-of-the-console-test-0123456789") as (_, admin):
        check_token(admin, two)
for each in failures:
    print(each)
sys.exit(1 if failures else 0)
