/// Opens whatever a store may hand back. The first byte says what the rest is:
///   even  the stored bytes as they are;
///   odd   changes to a sealed entry: each 3 bytes a place (2) and what is done to the byte there.
/// Whatever comes out must be what went in, or nothing.

#include "codec/envelope.hpp"

#include <cstdlib>
#include <cstring>

namespace {

using strata::entry_header;
using strata::key_ring;
using namespace strata::detail;

constexpr std::string_view name = "strata:agent:agt_1";

const key_ring& keys() {
  static const key_ring ring("1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  return ring;
}

const std::string& payload() {
  static const std::string text = [] {
    std::string made;
    for (int i = 0; i < 200; ++i) made += "{\"id\":\"agt_" + std::to_string(i * 7919) + "\"},";
    return made;
  }();
  return text;
}

void open_as_they_are(std::string_view bytes) {
  for (const bool sensitive : {false, true}) {
    const open_options how{.name = name, .keys = &keys(), .sensitive = sensitive, .max_size = 1u << 16};
    const auto opened = open_entry(bytes, how);
    if (check_entry(bytes, how).has_value() < opened.has_value()) std::abort();
    if (!opened) continue;
    if (opened->payload().size() > (1u << 16) && opened->payload().size() > bytes.size()) std::abort();
    // What was opened can be sealed again and says the same.
    const auto again = seal_entry(opened->header, opened->payload(), {.name = name, .max_size = 1u << 16});
    if (!again) std::abort();
    const auto reopened = open_entry(*again, {.name = name, .max_size = 1u << 16});
    if (!reopened || reopened->payload() != opened->payload()) std::abort();
  }
}

void open_changed(std::string_view changes) {
  const auto kind = changes.empty() ? 0 : static_cast<unsigned char>(changes.front()) % 4;
  const seal_options in_clear{.name = name};
  const seal_options authentic{.name = name, .keys = &keys()};
  const seal_options encrypted{.name = name, .keys = &keys(), .sensitive = true};
  const entry_header header{.asof = 7, .life = std::chrono::seconds(60), .tags = {"org:1"}};
  const auto text = kind == 0 ? std::string_view(payload()) : std::string_view(payload()).substr(0, 50);
  const auto sealed = *seal_entry(header, text, kind == 2 ? encrypted : kind == 3 ? authentic : in_clear);
  auto bytes = sealed;
  for (std::size_t at = 1; at + 3 <= changes.size(); at += 3) {
    const auto place =
        (static_cast<unsigned char>(changes[at]) << 8 | static_cast<unsigned char>(changes[at + 1]));
    const auto change = changes[at + 2];
    if (bytes.empty()) break;
    const auto where = static_cast<std::size_t>(place) % bytes.size();
    if (change == 0) {
      bytes.resize(where);
    } else {
      bytes[where] = static_cast<char>(bytes[where] ^ change);
    }
  }
  const auto* ring = kind < 2 ? nullptr : &keys();
  const auto opened = open_entry(bytes, {.name = name, .keys = ring, .sensitive = kind == 2});
  if (opened.has_value() != (bytes == sealed)) std::abort();
  if (opened && opened->payload() != text) std::abort();
  if (open_entry(bytes, {.name = "strata:agent:agt_2", .keys = &keys()})) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  if (static_cast<unsigned char>(input.front()) % 2 == 0) {
    open_as_they_are(input.substr(1));
  } else {
    open_changed(input.substr(1));
  }
  return 0;
}
