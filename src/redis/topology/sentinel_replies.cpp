#include "redis/topology/sentinel_replies.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/text.hpp"

namespace strata::redis {

namespace {

// The first is published when the new master has taken over, and the old one may not know it yet; the second
// when the failover is complete.
constexpr std::string_view promoted = "+promoted-slave";
constexpr std::string_view switched = "+switch-master";

template <class Number>
std::optional<Number> number_of(std::string_view digits) {
  Number number = 0;
  const auto* end = digits.data() + digits.size();
  const auto [stopped, wrong] = std::from_chars(digits.data(), end, number);
  if (wrong != std::errc() || stopped != end) return std::nullopt;
  return number;
}

std::optional<address> address_of(std::string_view host, std::string_view port) {
  const auto number = number_of<std::uint16_t>(port);
  if (host.empty() || !number || *number == 0) return std::nullopt;
  return address{.host = std::string(host), .port = *number, .path = {}};
}

std::unexpected<error> wrong(std::string words) {
  return fail(errc::store_unavailable, std::move(words));
}

}  // namespace

resp::pipeline sentinel_question(std::string_view group) {
  // In this order: should the epoch grow in between, the address is not of an older one.
  resp::pipeline out;
  out.add("SENTINEL").arg("MASTER").arg(group);
  out.add("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(group);
  out.add("SENTINEL").arg("SENTINELS").arg(group);
  return out;
}

result<sentinel_answer> read_answer(std::span<const resp::value> replies, std::string_view group) {
  if (replies.size() != 3) return wrong("did not answer every question");
  const auto& about = replies[0];
  const auto& master = replies[1];
  if (about.is_error()) {
    const auto said = about.error();
    if (said.message.contains("No such master")) {
      return wrong(fmt::format("does not know a master called \"{}\"", group));
    }
    return wrong(fmt::format("says: {}", said.message));
  }
  if (master.is_error()) return wrong(fmt::format("says: {}", master.error().message));
  const auto* epoch = about.find("config-epoch");
  const auto count = epoch == nullptr ? std::nullopt : number_of<std::uint64_t>(epoch->text());
  const auto place = master.items();
  auto found = place.size() == 2 ? address_of(place[0].text(), place[1].text()) : std::nullopt;
  if (!count || !found) return wrong("did not answer as a sentinel does");

  sentinel_answer out{.master = std::move(*found), .epoch = *count, .others = {}};
  for (const auto& each : replies[2].items()) {  // none if we may not ask
    const auto* host = each.find("ip");
    const auto* port = each.find("port");
    if (host == nullptr || port == nullptr) continue;
    if (auto other = address_of(host->text(), port->text())) out.others.push_back(std::move(*other));
  }
  return out;
}

resp::pipeline sentinel_subscription() {
  resp::pipeline out;
  out.add("SUBSCRIBE").arg(promoted).arg(switched);
  return out;
}

bool is_failover(const resp::value& push, std::string_view group) {
  const auto items = push.items();
  if (items.size() != 3 || items[0].text() != "message") return false;
  auto words = items[2].text();
  // <group> <old host> <old port> <new host> <new port>
  if (items[1].text() == switched) return detail::cut(words, ' ') == group;
  // slave <name> <host> <port> @ <group> <old host> <old port>
  if (items[1].text() != promoted) return false;
  while (!words.empty()) {
    if (detail::cut(words, ' ') == "@") return detail::cut(words, ' ') == group;
  }
  return false;
}

}  // namespace strata::redis
