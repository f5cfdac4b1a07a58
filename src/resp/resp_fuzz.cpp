/// The parser returns the same messages and the same verdict for any split of its input.
/// An input is a byte that selects the split, and the bytes of a stream.

#include "resp/parser.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

struct outcome {
  std::vector<strata::resp::value> messages;
  std::string why;
  bool operator==(const outcome&) const = default;
};

outcome parse(std::string_view bytes, std::size_t piece) {
  strata::resp::parser reader(
      {.depth = 6, .elements = 200, .string_size = 300, .line_size = 60, .message_size = 500});
  outcome got;
  std::size_t begin = 0;
  for (std::size_t end = 0; end < bytes.size();) {
    end = std::min(bytes.size(), end + piece);
    auto input = bytes.substr(begin, end - begin);
    strata::resp::value message;
    auto how = reader.next(input, message);
    for (; how == strata::resp::parse_status::complete; how = reader.next(input, message)) {
      got.messages.push_back(std::move(message));
    }
    if (how == strata::resp::parse_status::refused) {
      got.why = reader.why();
      return got;
    }
    if (reader.wanted() <= input.size()) std::abort();
    begin = end - input.size();
  }
  return got;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = parse(bytes, std::max<std::size_t>(1, bytes.size()));
  if (whole != parse(bytes, 1) || whole != parse(bytes, 1 + data[0] % 32)) std::abort();
  for (const auto& each : whole.messages) {
    if (strata::resp::to_text(each).empty()) std::abort();
  }
  return 0;
}
