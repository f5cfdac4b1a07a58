#include "redis/topology/cluster_map.hpp"

#include <algorithm>
#include <charconv>

#include "core/text.hpp"

namespace strata::redis {

namespace {

/// A cluster has at most a thousand nodes.
constexpr std::size_t most_masters = 1024;

error malformed(std::string_view what) {
  return {errc::store_unavailable, "unexpected reply to CLUSTER NODES: " + std::string(what)};
}

template <class Number>
std::optional<Number> number_of(std::string_view digits) {
  Number out = 0;
  const auto* begin = digits.data();
  const auto* end = begin + digits.size();
  const auto [stopped, wrong] = std::from_chars(begin, end, out);
  if (wrong != std::errc() || stopped != end) return std::nullopt;
  return out;
}

bool has_flag(std::string_view flags, std::string_view which) {
  while (!flags.empty()) {
    if (detail::cut(flags, ',') == which) return true;
  }
  return false;
}

struct slot_range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

/// "7" or "0-5460".
std::optional<slot_range> range_of(std::string_view text) {
  const auto first = number_of<std::uint16_t>(detail::cut(text, '-'));
  const auto last = text.empty() ? first : number_of<std::uint16_t>(text);
  if (!first || !last || *first > *last || *last >= cluster_map::slots) return std::nullopt;
  return slot_range{*first, *last};
}

/// "[93->-ID]" or "[93-<-ID]".
std::optional<std::uint16_t> moving_slot(std::string_view text) {
  text.remove_prefix(1);
  const auto end = std::min(text.find("->-"), text.find("-<-"));
  const auto slot = number_of<std::uint16_t>(end == std::string_view::npos ? "" : text.substr(0, end));
  if (!slot || *slot >= cluster_map::slots) return std::nullopt;
  return slot;
}

}  // namespace

/// One node: "ID IP:PORT@BUS[,HOSTNAME[,…]] FLAGS MASTER PING PONG EPOCH LINK SLOTS…".
struct cluster_map::line {
  std::string_view id, place, flags, epoch, slots;

  static line of(std::string_view text) {
    line out;
    out.id = detail::cut(text, ' ');
    out.place = detail::cut(text, ' ');
    out.flags = detail::cut(text, ' ');
    for (int skipped = 0; skipped < 3; ++skipped) detail::cut(text, ' ');
    out.epoch = detail::cut(text, ' ');
    detail::cut(text, ' ');
    out.slots = text;
    return out;
  }
};

std::optional<error> cluster_map::take(const line& from, const address& asked) {
  if (!has_flag(from.flags, "master")) return std::nullopt;
  const bool failed =
      has_flag(from.flags, "fail") || has_flag(from.flags, "noaddr") || has_flag(from.flags, "handshake");
  if (failed && from.slots.empty()) return std::nullopt;
  const auto epoch = number_of<std::uint64_t>(from.epoch);
  if (from.id.empty() || !epoch) return malformed("a node has no id or epoch");

  cluster_master master{.id = std::string(from.id), .at = asked, .hostname = {}};
  auto place = from.place;
  auto socket = detail::cut(place, ',');
  // What follows the name has names of its own: "shard-id=…".
  if (const auto name = detail::cut(place, ','); !name.contains('=')) master.hostname = name;
  socket = detail::cut(socket, '@');
  const auto colon = socket.rfind(':');  // an IPv6 address has more, unbracketed
  const auto port = number_of<std::uint16_t>(colon == std::string_view::npos ? "" : socket.substr(colon + 1));
  if (!port || *port == 0) return malformed("a master has no port");
  if (colon != 0) master.at.host = socket.substr(0, colon);
  master.at.port = *port;
  if (masters_.size() == most_masters) return malformed("too many nodes");
  const auto index = static_cast<std::uint16_t>(masters_.size());
  masters_.push_back(std::move(master));
  newest_ = std::max(newest_, *epoch);

  for (auto rest = from.slots; !rest.empty();) {
    const auto each = detail::cut(rest, ' ');
    if (each.starts_with('[')) {  // of `myself` only: [slot->-node] or [slot-<-node]
      const auto slot = moving_slot(each);
      if (!slot) return malformed("a moving slot is not a number");
      moving_.push_back(*slot);
      continue;
    }
    const auto range = range_of(each);
    if (!range) return malformed("a slot is not a number");
    std::fill(owners_.begin() + range->first, owners_.begin() + range->last + 1, index);
  }
  return std::nullopt;
}

result<cluster_map> cluster_map::read(std::string_view reply, const address& asked) {
  cluster_map out;
  out.owners_.fill(no_owner);
  // Sorted, so that views which say the same are the same.
  std::vector<std::string_view> lines;
  while (!reply.empty()) lines.push_back(detail::cut(reply, '\n'));
  std::ranges::sort(lines);
  for (const auto each : lines) {
    if (each.empty()) continue;
    if (auto wrong = out.take(line::of(each), asked)) return std::unexpected(std::move(*wrong));
  }
  if (out.masters_.empty()) return std::unexpected(malformed("there is no master"));
  out.complete_ = std::ranges::find(out.owners_, no_owner) == out.owners_.end();
  return out;
}

std::optional<redirection> redirection_of(std::string_view error_message) {
  redirection out;
  const auto code = detail::cut(error_message, ' ');
  if (code != "MOVED" && code != "ASK") return std::nullopt;
  out.moved = code == "MOVED";
  const auto slot = number_of<std::uint16_t>(detail::cut(error_message, ' '));
  const auto colon = error_message.rfind(':');
  if (!slot || *slot >= cluster_map::slots || colon == std::string_view::npos) return std::nullopt;
  const auto port = number_of<std::uint16_t>(error_message.substr(colon + 1));
  if (!port || *port == 0) return std::nullopt;
  out.slot = *slot;
  out.host = error_message.substr(0, colon);
  if (out.host == "?") out.host.clear();
  out.port = *port;
  return out;
}

}  // namespace strata::redis
