"""The README is true: every command in it is run, and what it says they print is what they print.

`readme_test.py PROGRAM`. The `sh` blocks run in order in one shell, against a gateway of its own on free
ports; a `text` block right after one is what it prints, where … stands for anything."""

import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools" / "rules"))

from docs import blocks  # noqa: E402

README = (ROOT / "README.md").read_text()
PROGRAM = sys.argv.pop() if len(sys.argv) > 1 else None
LISTEN, ADMIN = "127.0.0.1:8080", "127.0.0.1:9090"


def pairs():
    """Each sh block with its first line's number, and the lines that it prints, or None."""
    lines = README.splitlines()
    texts = dict(blocks(README, "text"))
    for start, commands in blocks(README, "sh"):
        after = start + len(commands) + 1
        while after <= len(lines) and not lines[after - 1].strip():
            after += 1
        yield start, commands, texts.get(after + 1)


def matches(expected, line):
    return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), line) is not None


class Gateway:
    """The program serving its demo on free ports; `lines` is what it said until it served."""

    def __init__(self, folder):
        out, log = pathlib.Path(folder, "out"), pathlib.Path(folder, "log")
        with out.open("w") as to, log.open("w") as errors:
            self.process = subprocess.Popen(
                [PROGRAM, "serve", "--demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                 "--database", f"sqlite:{folder}/strata.db"], cwd=folder, stdout=to, stderr=errors)
        until = time.monotonic() + 60
        while not re.search(r"^listening on .*\n", out.read_text(), flags=re.M):
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise AssertionError(f"it does not serve; it said\n{out.read_text()}{log.read_text()}")
            time.sleep(0.02)
        self.lines = out.read_text().splitlines()
        self.listen, self.admin = re.findall(r"http://([\d.]+:\d+)", self.lines[-1])

    def named(self, text):
        """`text` with this gateway's addresses and program in place of the README's."""
        program = f"{PROGRAM} explain --admin {self.admin}"
        return (text.replace(LISTEN, self.listen).replace(ADMIN, self.admin)
                .replace("build/release/strata explain", program))

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(timeout=20)
        finally:
            self.process.kill()


class ReadmeTest(unittest.TestCase):
    def assert_prints(self, start, expected, printed):
        self.assertEqual(len(printed), len(expected), f"README.md:{start}: prints\n" + "\n".join(printed))
        for said, line in zip(expected, printed):
            self.assertTrue(matches(said, line), f"README.md:{start}: prints\n  {line}\nnot\n  {said}")

    def test_the_tour_does_what_it_says(self):
        self.assertIsNotNone(PROGRAM, "usage: readme_test.py PROGRAM")
        with tempfile.TemporaryDirectory() as folder:
            gateway = Gateway(folder)
            try:
                script, tour = [], []
                for start, commands, expected in pairs():
                    if commands[0].startswith("./dev run"):
                        self.assert_prints(start, [gateway.named(line) for line in expected], gateway.lines)
                    elif not any(line.startswith("./dev") for line in commands):
                        tour.append((start, expected))
                        script += [gateway.named(line) for line in commands] + [f"echo '== {start}'"]
                self.assertGreaterEqual(len(tour), 6, "the tour is gone")
                run = subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(script)], cwd=folder,
                                     capture_output=True, text=True, timeout=60)
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            finally:
                status = gateway.stop()
        self.assertEqual(status, 0, "the gateway did not end well")
        parts = re.split(r"^== \d+\n", run.stdout.replace("\r", ""), flags=re.M)
        for (start, expected), printed in zip(tour, parts):
            if expected is not None:
                self.assert_prints(start, [gateway.named(line) for line in expected], printed.splitlines())

    def test_every_command_of_dev_that_it_names_is_there(self):
        said = subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True, check=True).stdout
        named = set(re.findall(r"\./dev (\w+)", README))
        self.assertLessEqual({"run", "test"}, named)
        for command in named:
            self.assertRegex(said, rf"(?m)^  {command}\b", f"./dev has no {command}")

    def test_the_hello_world_is_the_example_and_has_at_most_ten_lines_of_code(self):
        hello = (ROOT / "examples/hello.cpp").read_text().splitlines()
        self.assertIn(hello, [lines for _, lines in blocks(README, "cpp")])
        code = [line for line in hello if line.strip() and not line.strip().startswith("//")]
        self.assertLessEqual(len(code), 10)


if __name__ == "__main__":
    unittest.main()
