"""`./dev` keeps its word: what it installs, when, what it runs, and that it is silent otherwise.

A copy of it runs in a small tree, with stand-ins for Debian's tools and the compiler's on PATH that
write down how they were called."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NEEDED = ("bash", "basename", "cat", "comm", "dirname", "env", "grep", "mkdir", "mv", "readlink", "rm", "sed", "sort", "touch",
          "true")


class DevTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve() / "a checkout"
        self.tools = self.root.parent / "tools"
        self.log = self.root.parent / "log"
        self.root.mkdir()
        self.tools.mkdir()
        shutil.copy(ROOT / "dev", self.root)
        (self.root / "CMakePresets.json").write_text("{}\n")
        for tool in NEEDED:
            (self.tools / tool).symlink_to(shutil.which(tool))
        for tool in ("apt-get", "ctest", "ninja"):
            self.stand_in(tool)
        self.stand_in("dpkg-deb", "mkdir usr")
        self.stand_in("nproc", "echo 2")
        self.stand_in("cmake", f'while [[ $1 != --preset ]]; do shift; done\n'
                               f'mkdir -p "{self.root}/build/$2"; touch "{self.root}/build/$2/build.ninja"')
        (self.root / "build/tools/prometheus/usr").mkdir(parents=True)
        self.missing()

    def stand_in(self, name, then=""):
        file = self.tools / name
        file.unlink(missing_ok=True)
        file.write_text(f'#!/bin/bash\necho "{name} $*" >> "{self.log}"\n{then}\n')
        file.chmod(0o755)

    def missing(self, *names):
        """dpkg-query knows every package but these, and fails as the real one does."""
        unless = " ".join(f'[[ $p == {n} ]] && bad=1 && continue;' for n in names)
        self.stand_in("dpkg-query", f'bad=0; shift 3; for p in "$@"; do {unless} echo "installed $p"; done; exit $bad')

    def as_user(self, number):
        script = (self.root / "dev").read_text()
        (self.root / "dev").write_text(script.replace("$EUID", str(number)))

    def program(self, status=0):
        file = self.root / "build/release/strata"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'#!/bin/bash\necho "strata $*" >> "{self.log}"\nexit {status}\n')
        file.chmod(0o755)

    def dev(self, *arguments, cwd="/", **variables):
        self.log.unlink(missing_ok=True)
        run = subprocess.run([str(self.root / "dev"), *arguments], cwd=cwd, capture_output=True, text=True,
                             timeout=30, env={"PATH": str(self.tools), **variables})
        self.called = self.log.read_text().splitlines() if self.log.exists() else []
        return run

    def calls(self, tool):
        return [c for c in self.called if c.split()[0] == tool]

    def test_help_names_every_command(self):
        run = self.dev("help")
        self.assertEqual(run.returncode, 0)
        for command in "run test build bench lint fmt asan tsan fuzz gateways simulate consistency attack install help".split():
            self.assertIn(f"\n  {command} ", run.stdout)

    def test_an_unknown_command_is_wrong_use(self):
        run = self.dev("tset")
        self.assertEqual(run.returncode, 2)
        self.assertIn("no command 'tset'", run.stderr)

    def test_it_is_silent_and_installs_nothing_when_all_is_there(self):
        run = self.dev("test")
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, "", ""))
        self.assertEqual(len(self.calls("dpkg-query")), 1)
        self.assertEqual(self.calls("apt-get"), [])

    def test_root_installs_what_is_missing_and_only_that(self):
        self.as_user(0)
        self.missing("lld-19", "ccache")
        run = self.dev("test")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("dev: installing ccache lld-19", run.stderr)
        update, install = self.calls("apt-get")
        self.assertIn("update", update)
        self.assertTrue(install.endswith("install -y --no-install-recommends ccache lld-19"), install)

    def test_a_failed_build_runs_no_test(self):
        self.stand_in("ninja", "exit 1")
        self.assertEqual(self.dev("test").returncode, 1)
        self.assertEqual(self.calls("ctest"), [])

    def test_the_exit_status_of_the_tests_is_its_own(self):
        self.stand_in("ctest", "exit 8")
        self.assertEqual(self.dev("test", "-R", "core").returncode, 8)
        self.assertIn(f"--test-dir {self.root}/build/debug", self.calls("ctest")[0])
        self.assertTrue(self.calls("ctest")[0].endswith("-R core"))

    def test_it_counts_the_tests_of_all_suites(self):
        for folder, line in (("tests", "# 12 tests in 3 suites"), ("simulator", "# 1 tests in 1 suites")):
            file = self.root / "build/debug" / folder / "x_suites.cmake"
            file.parent.mkdir(parents=True)
            file.write_text(line + "\nadd_test(x.y x)\n")
        self.assertEqual(self.dev("test").stdout, "13 tests in 4 suites; ctest counts a suite as one test\n")
        self.assertEqual(self.dev("test", "-R", "x").stdout, "")

    def test_it_configures_once(self):
        self.dev("build", "debug")
        self.assertEqual(len(self.calls("cmake")), 1)
        self.dev("build", "debug")
        self.assertEqual(self.calls("cmake"), [])
        self.assertEqual(len(self.calls("ninja")), 1)

    def test_run_serves_the_demo_from_a_file_in_the_checkout(self):
        self.program()
        self.assertEqual(self.dev("run", "--listen", "127.0.0.1:0").returncode, 0)
        self.assertEqual(self.calls("strata"), [
            f"strata serve --demo --database sqlite:{self.root}/run/strata.db --listen 127.0.0.1:0"])

    def test_run_leaves_the_database_to_who_names_one(self):
        self.program()
        self.dev("run", "--database", "sqlite:x.db")
        self.assertEqual(self.calls("strata"), ["strata serve --demo --database sqlite:x.db"])
        self.dev("run", STRATA_DATABASE="sqlite:y.db")
        self.assertEqual(self.calls("strata"), ["strata serve --demo"])

    def test_run_builds_only_the_program_and_hands_on_its_status(self):
        self.program(status=3)
        self.assertEqual(self.dev("run").returncode, 3)
        self.assertEqual(len(self.calls("ninja")), 1)
        self.assertTrue(self.calls("ninja")[0].endswith("strata_program"))

    def test_simulate_and_consistency_build_only_theirs_and_hand_on_flags_and_status(self):
        for command, folder in (("simulate", "simulator"), ("consistency", "consistency"), ("attack", "attack")):
            file = self.root / "build/release" / folder / command
            file.parent.mkdir(parents=True)
            file.write_text(f'#!/bin/bash\necho "{command} $*" >> "{self.log}"\nexit 1\n')
            file.chmod(0o755)
            self.assertEqual(self.dev(command, "--seed", "5").returncode, 1)
            self.assertTrue(self.calls("ninja")[-1].endswith("release --quiet " + command))
            self.assertEqual(self.calls(command), [command + " --seed 5"])

    def test_an_unknown_preset_is_told(self):
        run = self.dev("build", "relaese")
        self.assertEqual(run.returncode, 1)
        self.assertIn("no preset 'relaese'", run.stderr)

    def test_what_would_start_a_service_is_fetched_and_not_installed(self):
        shutil.rmtree(self.root / "build/tools")
        self.assertEqual(self.dev("test").returncode, 0)
        self.assertEqual([each.split()[-2:] for each in self.calls("apt-get")], [["download", "prometheus"]])
        self.assertEqual(self.dev("test").returncode, 0)
        self.assertEqual(self.calls("apt-get"), [])
        self.assertTrue((self.root / "build/tools/prometheus/usr").is_dir())

    def test_one_who_is_not_root_is_told_what_to_run(self):
        self.as_user(1000)
        self.missing("lld-19")
        run = self.dev("test")
        self.assertEqual(run.returncode, 1)
        self.assertIn("apt-get install -y --no-install-recommends lld-19", run.stderr)
        self.assertEqual(self.calls("ninja"), [])

    def test_sudo_is_used_if_it_asks_for_nothing(self):
        self.as_user(1000)
        self.stand_in("sudo", 'shift; exec "$@"')
        self.missing("lld-19")
        self.assertEqual(self.dev("test").returncode, 0)
        self.assertEqual(len(self.calls("apt-get")), 2)


if __name__ == "__main__":
    unittest.main()
