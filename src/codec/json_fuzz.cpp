/// Any text is refused with a problem, or read; and what was read is written as the same document.

#include <strata/json.hpp>

#include <cstdint>
#include <cstdlib>

namespace {

struct part {
  std::string name;
  std::optional<double> weight;
};
BOOST_DESCRIBE_STRUCT(part, (), (name, weight))

struct whole {
  std::int64_t version = 0;
  bool open = false;
  std::uint8_t small = 0;
  std::vector<part> parts;
  std::map<std::string, std::string> labels;
  strata::json::raw settings;
};
BOOST_DESCRIBE_STRUCT(whole, (), (version, open, small, parts, labels, settings))

void must(bool holds) {
  if (!holds) std::abort();
}

void parse_twice(std::string_view text) {
  const auto parsed = strata::json::parse(text);
  if (!parsed) {
    must(parsed.error().code == strata::errc::invalid_argument && parsed.error().detail.starts_with("line "));
    return;
  }
  const auto again = strata::json::parse(strata::json::to_text(*parsed));
  must(again && *again == *parsed && strata::json::to_text(*again) == strata::json::to_text(*parsed));
}

/// A document in a struct keeps its bytes, whatever its numbers are.
void read_typed(std::string_view text) {
  const auto read = strata::json::read<whole>(text);
  if (!read) {
    must(!read.error().detail.empty());
    return;
  }
  must(text.contains(read->settings.text));
  const auto written = strata::json::text_of(*read);
  const auto reread = strata::json::read<whole>(written);
  must(reread && strata::json::text_of(*reread) == written);
  must(reread->settings == read->settings);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_twice(text);
  read_typed(text);
  return 0;
}
