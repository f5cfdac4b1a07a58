"""A rule that cannot fail is no rule: each is shown small trees that break it, and one that does not."""

import importlib
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "rules"))

from tree import Tree  # noqa: E402

TABLE = """
[room.core]
paths = ["src/core/", "include/strata/key.hpp"]
[room.memory]
paths = ["src/memory/"]
sees = ["core"]
third = ["fmt"]
[room.cli]
paths = ["cli/"]
sees = ["include/strata/"]
[beside]
third = ["gtest"]
[third]
fmt = ["fmt/"]
gtest = ["gtest/"]
json = ["boost/json"]
[[forbidden]]
rooms = ["core"]
except = ["src/core/clock.cpp"]
text = '_clock::now'
why = "reads a clock"
"""
KEY = "#pragma once\n/// Keys.\n/// Threads: values.\n"


class RulesTest(unittest.TestCase):
    def breaches(self, rule, files):
        """What `rule` says about a tree of `files`, as "path:line" and the whole text."""
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text if isinstance(text, bytes) else text.encode())
            found = sorted(importlib.import_module(rule).check(Tree(folder)))
        return [f"{b.path}:{b.line}" for b in found], "\n".join(map(str, found))

    def layers(self, files):
        return self.breaches("layers", {
            "tools/layers.toml": TABLE, "include/strata/key.hpp": KEY, "src/memory/table.hpp": "", **files})

    def assert_one(self, outcome, where, why):
        self.assertEqual(outcome[0], [where], outcome[1])
        self.assertIn(why, outcome[1])

    # layers

    def test_what_goes_downward_is_no_breach(self):
        self.assertEqual(self.layers({
            "src/memory/table.cpp": '#include "memory/table.hpp"\n#include <strata/key.hpp>\n'
                                    '#include <vector>\n#include <fmt/core.h>\n',
            "src/memory/table_test.cpp": '#include "table.hpp"\n#include <gtest/gtest.h>\n',
            "src/core/clock.cpp": "auto t = steady_clock::now();\n",
            "cli/main.cpp": "#include <strata/key.hpp>\n"})[0], [])

    def test_an_include_that_goes_up_is_a_breach(self):
        self.assert_one(self.layers({"src/core/a.cpp": '\n#include "memory/table.hpp"\n'}),
                        "src/core/a.cpp:2", "core may not include src/memory/table.hpp of memory")

    def test_the_program_sees_only_public_headers(self):
        self.assert_one(self.layers({"cli/main.cpp": '#include "memory/table.hpp"\n'}),
                        "cli/main.cpp:1", "cli may not include")

    def test_a_relative_path_does_not_hide_an_include(self):
        self.assert_one(self.layers({"src/core/a.cpp": '#  include "../memory/table.hpp"\n'}),
                        "src/core/a.cpp:1", "core may not include src/memory/table.hpp")

    def test_a_third_party_that_the_room_may_not_use_is_a_breach(self):
        self.assert_one(self.layers({"src/memory/a.cpp": "#include <boost/json/value.hpp>\n"}),
                        "src/memory/a.cpp:1", "memory may not use json")

    def test_a_third_party_without_a_name_is_a_breach(self):
        self.assert_one(self.layers({"src/memory/a.cpp": "#include <curl/curl.h>\n"}),
                        "src/memory/a.cpp:1", "no group")

    def test_what_a_test_may_use_its_neighbour_may_not(self):
        self.assert_one(self.layers({"src/memory/a.cpp": "#include <gtest/gtest.h>\n"}),
                        "src/memory/a.cpp:1", "memory may not use gtest")

    def test_a_file_of_no_room_is_a_breach(self):
        self.assert_one(self.layers({"src/attic/a.cpp": ""}), "src/attic/a.cpp:1", "no room")

    def test_a_header_that_is_not_there_is_a_breach(self):
        self.assert_one(self.layers({"cli/main.cpp": "#include <strata/gone.hpp>\n"}),
                        "cli/main.cpp:1", "not there")

    def test_a_circle_of_includes_is_a_breach(self):
        outcome = self.layers({"src/memory/a.hpp": '#include "b.hpp"\n',
                               "src/memory/b.hpp": '#include "memory/a.hpp"\n'})
        self.assert_one(outcome, "src/memory/b.hpp:1", "src/memory/a.hpp -> src/memory/b.hpp -> src/memory/a.hpp")

    def test_rooms_that_see_each_other_are_a_breach(self):
        table = TABLE.replace('paths = ["src/core/"', 'sees = ["memory"]\npaths = ["src/core/"')
        self.assert_one(self.layers({"tools/layers.toml": table}), "tools/layers.toml:1", "see each other")

    def test_a_clock_read_below_the_top_is_a_breach(self):
        self.assert_one(self.layers({"src/core/a.cpp": "auto t = steady_clock::now();\n"}),
                        "src/core/a.cpp:1", "reads a clock")

    # files

    def files(self, path, text):
        return self.breaches("files", {path: text})

    def test_a_good_file_is_no_breach(self):
        self.assertEqual(self.files("src/a.cpp", "int a;\n" * 400)[0], [])
        self.assertEqual(self.files("include/strata/key.hpp", KEY)[0], [])

    def test_a_long_file_gives_its_reason_in_its_first_comment(self):
        lines = "int a;\n" * 400
        why = "/// Sets. Long\n/// because a set has many operations.\n"
        self.assertEqual(self.files("src/a.cpp", why + lines)[0], [])
        self.assertEqual(self.files("src/a.cpp", '#include "a.hpp"\n\n' + why + lines)[0], [])
        self.assertEqual(self.files("src/a.hpp", "#pragma once\n" + why + lines)[0], [])
        self.assertEqual(self.files("a.py", '"""Sets. Long because it is."""\n' + lines)[0], [])
        self.assertEqual(self.files("dev", "#!/bin/bash\n# Sets. Long because it is.\n" + lines)[0], [])
        self.assertEqual(self.files("a.css", "/* Long because it is. */\n" + lines)[0], [])
        self.assertEqual(self.files("a.md", "# Sets\n<!-- Long because it is. -->\n" + lines)[0], [])
        self.assert_one(self.files("src/a.cpp", lines + "\n"), "src/a.cpp:401", "401 lines")
        self.assert_one(self.files("src/a.cpp", "/// Sets.\nint b;\n" + why + lines), "src/a.cpp:401", "first comment")

    def test_a_file_of_more_than_800_lines_is_a_breach(self):
        self.assert_one(self.files("src/a.cpp", "// Long because it is.\n" + "int a;\n" * 800),
                        "src/a.cpp:801", "801 lines")

    def test_words_that_put_work_off_are_a_breach(self):
        self.assert_one(self.files("src/a.cpp", "// TODO: later\n"), "src/a.cpp:1", "TODO")

    def test_paths_of_one_machine_are_a_breach(self):
        self.assert_one(self.files("a.md", "\n`/home/someone/strata`\n"), "a.md:2", "one machine")

    def test_a_package_registry_is_a_breach(self):
        self.assert_one(self.files("dev", "curl https://registry.npmjs.org/x\n"), "dev:1", "registry")

    def test_a_skipped_test_is_a_breach(self):
        self.assert_one(self.files("src/a_test.cpp", "TEST(A, DISABLED_B) {}\n"), "src/a_test.cpp:1", "skips")
        self.assert_one(self.files("src/a_test.cpp", "  GTEST_SKIP();\n"), "src/a_test.cpp:1", "skips")

    def test_untidy_bytes_are_a_breach(self):
        self.assert_one(self.files("a.md", "a \n"), "a.md:1", "white space")
        self.assert_one(self.files("a.md", "a"), "a.md:1", "line feed")
        self.assert_one(self.files("a.md", b"\xff\n"), "a.md:1", "UTF-8")

    def test_a_header_says_what_it_is_for_and_its_threading(self):
        self.assert_one(self.files("src/a.hpp", "int a;\n"), "src/a.hpp:1", "#pragma once")
        self.assert_one(self.files("src/a.hpp", "#pragma once\nint a;\n"), "src/a.hpp:2", "what it is for")
        self.assert_one(self.files("include/strata/a.hpp", "#pragma once\n/// A.\n"),
                        "include/strata/a.hpp:2", "Threads:")

    # formatting

    def test_formatting_is_told_by_line(self):
        style = {".clang-format": "BasedOnStyle: Google\n"}
        self.assertEqual(self.breaches("formatting", {**style, "a.cpp": "int a;\n"})[0], [])
        self.assert_one(self.breaches("formatting", {**style, "a.cpp": "int a;\nint  b;\n"}),
                        "a.cpp:2", "not formatted")

    # locks

    def test_a_lock_that_clang_cannot_check_is_a_breach(self):
        self.assertEqual(self.breaches("locks", {
            "src/a.cpp": "detail::mutex m;  // std::mutex is not annotated\n",
            "src/core/mutex.hpp": "std::mutex held_;\n",
            "src/a_test.cpp": "std::mutex m;\n",
            "tests/a.hpp": "std::mutex m;\n"})[0], [])
        for lock in ("std::mutex m;", "std::shared_mutex m;", "const std::lock_guard lock(m);",
                     "std::unique_lock l(m);"):
            self.assert_one(self.breaches("locks", {"server/a.hpp": "\n" + lock + "\n"}),
                            "server/a.hpp:2", "core/mutex.hpp")

    # docs

    def test_a_true_page_is_no_breach(self):
        self.assertEqual(self.breaches("docs", {
            "examples/a.cpp": "int main() {\n  if (true) {\n    return 1;\n  }\n}\n",
            "README.md": "# A\n\n[b](docs/b.md#the-part) [c](https://example.org)\n"
                         "```cpp\nif (true) {\n  return 1;\n}\n```\n",
            "docs/b.md": "# B\n\n## The part\n"})[0], [])

    def test_a_snippet_that_is_not_compiled_is_a_breach(self):
        self.assert_one(self.breaches("docs", {"examples/a.cpp": "int main() {}\n",
                                               "README.md": "# A\n```cpp\nint mian() {}\n```\n"}),
                        "README.md:3", "not a part of any file")

    def test_a_link_to_nowhere_is_a_breach(self):
        self.assert_one(self.breaches("docs", {"README.md": "# A\n[b](gone.md)\n"}), "README.md:2", "not there")
        self.assert_one(self.breaches("docs", {"README.md": "# A\n[b](#part)\n"}), "README.md:2", "no such heading")

    def test_guide_pages_and_decisions_have_their_shape(self):
        guide = {"docs/guide/README.md": "# Guide\n\nAll: [a](a.md)\n"}
        self.assertEqual(self.breaches("docs", {**guide, "docs/guide/a.md": "# A\n\nDoes it.\n"})[0], [])
        self.assert_one(self.breaches("docs", {**guide, "docs/guide/a.md": "# A\n\n## Steps\n"}),
                        "docs/guide/a.md:3", "one sentence")
        decision = {"docs/decisions/0001-a.md": "# 1\n\n## Context\n## Decision\n## Revisit when\n",
                    "docs/decisions/README.md": "# All\n\n[1](0001-a.md)\n"}
        self.assert_one(self.breaches("docs", decision), "docs/decisions/0001-a.md:1", "## Rejected")

    def test_the_map_of_the_house_names_every_room(self):
        page = "# A\n\n```text\ninclude/strata/  all\nsrc/\n  core/   the core\n  attic/  old things\n```\n"
        files = {"docs/architecture.md": page, "src/core/a.cpp": "", "src/a.cpp": ""}
        self.assert_one(self.breaches("docs", files), "docs/architecture.md:4", "attic/")
        files = {"docs/architecture.md": page, "src/core/a.cpp": "", "src/attic/a.cpp": "", "src/new/a.cpp": ""}
        self.assert_one(self.breaches("docs", files), "docs/architecture.md:4", "new/")

    def test_the_architecture_page_names_files_that_exist(self):
        page = "# A\n\n```text\ninclude/strata/   all\n```\n\n`src/a.cpp` `src/` `nowhere/b.cpp`\n`src/gone.cpp`\n"
        self.assert_one(self.breaches("docs", {"docs/architecture.md": page, "src/a.cpp": ""}),
                        "docs/architecture.md:8", "src/gone.cpp")

    def test_the_table_of_headers_names_every_public_header(self):
        page = ("# A\n\n```text\ninclude/strata/   all\n```\n\n## Public headers\n\n| room | headers |\n|---|---|\n"
                "| core | `key`, `gone` |\n\n## Next\n\n| `other` | |\n")
        files = {"docs/architecture.md": page, "include/strata/key.hpp": "", "include/strata/strata.hpp": ""}
        self.assert_one(self.breaches("docs", files), "docs/architecture.md:7", "gone.hpp")

    def test_a_phrase_that_hides_the_actor_is_a_breach(self):
        self.assert_one(self.breaches("docs", {"README.md": "# A\n\nA cache is told.\n"}), "README.md:3", "'told'")
        self.assert_one(self.breaches("docs", {"README.md": "# A\n\nWhoever reads.\n"}), "README.md:3", "'Whoever'")
        self.assert_one(self.breaches("docs", {"src/a.hpp": "int a;  ///< told\n"}), "src/a.hpp:1", "'told'")
        self.assertEqual(self.breaches("docs", {"README.md": "# A\n\n`relay_told_after`\n",
                                                "src/a.cpp": 'auto nobody = "http://nobody";\n'})[0], [])

    def test_a_guide_page_that_nothing_links_to_is_a_breach(self):
        self.assert_one(self.breaches("docs", {"docs/guide/a.md": "# A\n\nDoes it.\n"}),
                        "docs/guide/a.md:1", "not linked")


if __name__ == "__main__":
    unittest.main()
