#include "redis/store/inspection.hpp"

#include "redis/connection/info_field.hpp"
#include "redis/format/store_format.hpp"
#include "redis/topology/memory_policy.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace strata::redis {

namespace {

template <class Number>
Number number_of(std::string_view text) {
  Number out{};
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

server_inspection server_of(std::string_view info) {
  server_inspection out;
  const auto valkey = info_field(info, "valkey_version");
  out.software = valkey.empty() ? "redis" : "valkey";
  out.version = valkey.empty() ? info_field(info, "redis_version") : valkey;
  out.eviction = info_field(info, "maxmemory_policy");
  out.tracked = number_of<std::uint64_t>(info_field(info, "tracking_total_items"));
  return out;
}

/// The server's time, of the reply to TIME.
std::optional<wall_time> time_of(const reply& answer) {
  if (answer.is_error() || answer.items().size() != 2) return {};
  const std::chrono::seconds whole(number_of<std::int64_t>(answer.items()[0].text()));
  const std::chrono::microseconds part(number_of<std::int64_t>(answer.items()[1].text()));
  return wall_time(std::chrono::duration_cast<std::chrono::milliseconds>(whole + part));
}

task<result<std::vector<server_inspection>>> ask_servers(topology& servers) {
  // The servers answer each command in the same order only while none of them joins or leaves; then a later
  // run says more.
  auto asking = servers.send_to_all(resp::command("INFO"), idempotent);
  const auto infos = co_await std::move(asking);
  if (!infos) co_return std::unexpected(infos.error());
  std::vector<server_inspection> out;
  for (const auto& each : *infos) {
    if (each.is_text()) out.push_back(server_of(each.text()));
  }
  auto timing = servers.send_to_all(resp::command("TIME"), idempotent);
  const auto times = co_await std::move(timing);
  for (std::size_t i = 0; times && i < std::min(out.size(), times->size()); ++i) {
    out[i].time = time_of((*times)[i]);
  }
  auto limiting =
      servers.send_to_all(resp::command("CONFIG").arg("GET").arg("tracking-table-max-keys"), idempotent);
  const auto limits = co_await std::move(limiting);
  for (std::size_t i = 0; limits && i < std::min(out.size(), limits->size()); ++i) {
    const auto items =
        (*limits)[i].items();  // a user of the store may be forbidden to ask: then there are none
    if (items.size() == 2) out[i].tracked_limit = number_of<std::uint64_t>(items[1].text());
  }
  auto running = servers.send_to_all(resp::command("EVAL").arg("return 1").arg("0"), idempotent);
  const auto scripts = co_await std::move(running);
  for (std::size_t i = 0; scripts && i < std::min(out.size(), scripts->size()); ++i) {
    out[i].has_scripts = !has_no_scripts((*scripts)[i]);
  }
  co_return out;
}

/// Adds what is known of the values called `names`.
task<result<void>> describe(topology& servers, std::vector<std::string> names, bool by_frequency,
                            std::vector<inspected_value>& into) {
  auto measuring = servers.send_each("STRLEN", names, idempotent);
  const auto sizes = co_await std::move(measuring);
  if (!sizes) co_return std::unexpected(sizes.error());
  auto timing = servers.send_each("PTTL", names, idempotent);
  const auto ttls = co_await std::move(timing);
  if (!ttls) co_return std::unexpected(ttls.error());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto ttl = (*ttls)[i].integer().value_or(-1);
    if (ttl == -2) continue;  // it has ended meanwhile
    inspected_value value{.key = names[i], .size = 0, .ttl = {}, .requests = {}};
    value.size = static_cast<std::uint64_t>(std::max<std::int64_t>(0, (*sizes)[i].integer().value_or(0)));
    if (ttl >= 0) value.ttl = std::chrono::milliseconds(ttl);
    if (by_frequency) {
      auto counting = servers.send(names[i], resp::command("OBJECT").arg("FREQ").arg(names[i]), idempotent);
      const auto count = co_await std::move(counting);
      if (count && count->integer()) value.requests = static_cast<std::uint32_t>(*count->integer());
    }
    into.push_back(std::move(value));
  }
  co_return result<void>();
}

}  // namespace

task<result<store_inspection>> inspect_servers(topology& servers, std::string prefix,
                                               std::size_t most_values) {
  store_inspection out;
  auto asking = ask_servers(servers);
  auto asked = co_await std::move(asking);
  if (!asked) co_return std::unexpected(std::move(asked.error()));
  out.servers = std::move(*asked);
  const bool by_frequency =
      std::ranges::any_of(out.servers, [](const auto& each) { return each.eviction.ends_with("-lfu"); });
  bool enough = false;
  const auto visit = [&](std::vector<std::string> names) -> task<result<void>> {
    std::erase_if(names, [](const auto& each) { return is_beside(each); });
    if (!names.empty()) {
      auto describing = describe(servers, std::move(names), by_frequency, out.values);
      auto described = co_await std::move(describing);
      if (!described) co_return described;
    }
    enough = out.values.size() >= most_values;
    if (enough) co_return fail(errc::too_large, "enough");  // ends the scan
    co_return result<void>();
  };
  auto scanning = servers.scan(prefix + "*", visit);
  const auto scanned = co_await std::move(scanning);
  if (!scanned && !enough) co_return std::unexpected(scanned.error());
  co_return out;
}

}  // namespace strata::redis
