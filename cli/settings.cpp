/// The settings and their help. Long because every setting has a line here.

#include "cli/settings.hpp"

#include <strata/units.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/mp11/algorithm.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace strata::cli {

namespace {

struct setting_help {
  std::string_view key;
  std::string_view help;
};

constexpr std::array helps{
    setting_help{"listen", "address of the platform API, HOST:PORT; port 0 picks a free one"},
    setting_help{"admin",
                 "address of the admin listener, HOST:PORT; other than loopback only with admin_token"},
    setting_help{
        "admin_token",
        "bearer token that the admin listener requires; at least 16 characters; empty: none, loopback only"},
    setting_help{"store",
                 "second cache level: memory (none, this process's own memory only), or redis://…, "
                 "redis+sentinel://…, "
                 "redis+cluster://…, and the same with rediss"},
    setting_help{"database",
                 "source of truth: sqlite:FILE, created if missing, or postgres://USER@HOST:PORT/DATABASE"},
    setting_help{"demo", "fill an empty database with a demo platform and print its logins"},
    setting_help{"threads", "threads that serve requests; 0: one for each core"},
    setting_help{
        "trusted_proxies",
        "proxies, as addresses or networks (10.0.0.0/8), whose requests count as those of the client "
        "that they report"},
    setting_help{
        "client_address",
        "how they report it: forwarded, x-forwarded-for, either (if both disagree, neither counts), or "
        "proxy-protocol"},
    setting_help{"drain_timeout", "how long requests in flight may take to finish after SIGTERM"},
    setting_help{"log.access", "access log, one line a request: off, stderr or a file's path"},
    setting_help{"log.app", "the program's own log: off, stderr or a file's path"},
    setting_help{"log.level", "least severe line of log.app: debug, info, warning or error"},
    setting_help{"limits.body", "largest request body; a larger one is answered with 413"},
    setting_help{"limits.bodies", "memory for all request bodies on their way; 503 for a body beyond it"},
    setting_help{"limits.headers", "largest request line and headers together; more is answered with 431"},
    setting_help{"limits.connections", "connections open at once; a new one closes the longest idle"},
    setting_help{"limits.connections_per_address",
                 "the same for one client address; 0: half of limits.connections"},
    setting_help{"limits.header_timeout", "how long a client may take to send a request's headers"},
    setting_help{"limits.body_timeout", "how long a client may take to send a request's body"},
    setting_help{"limits.idle_timeout", "how long a connection may stay open between requests"},
    setting_help{"limits.write_timeout", "how long a client may take to receive a response"},
    setting_help{"limits.request_timeout", "how long a handler may take; longer is answered with 504"},
    setting_help{"tls.cert",
                 "PEM file of listen's certificate and its chain: it then speaks TLS, HTTP/2 and HTTP/1.1"},
    setting_help{"tls.key", "PEM file of the certificate's key"},
    setting_help{"cors.origins",
                 "origins whose pages may read responses, with credentials; * is every other one, without"},
    setting_help{"cache.memory", "memory of the cache in this process (L1), its whole overhead included"},
    setting_help{"cache.eviction", "eviction policy of L1: s3camp, s3fifo or lru"},
    setting_help{"cache.objective", "hit ratio that s3camp maximizes: of objects (requests) or of bytes"},
    setting_help{"cache.factory_limit",
                 "how many reads of the database may run at once for the cache; 0: no limit"},
    setting_help{"cache.factory_queue",
                 "how many more may wait for their turn; further reads are answered with 503"},
    setting_help{"encryption.keys_file",
                 "file of keys that encrypt sensitive values in the second level and authenticate the "
                 "others, one id:key "
                 "a line, readable by its owner only; strata key new makes one"},
    setting_help{
        "encryption.keys",
        "the same keys as text, \"id:key id:key\"; for the environment, never as a flag, which ps shows"},
    setting_help{"encryption.active", "id of the key that encrypts; 0: the first; every key decrypts"},
    setting_help{"redis.tracked",
                 "values whose changes Redis reports: all, or read (those that this gateway has read), for a "
                 "gateway that holds few of many"},
    setting_help{"sqlite.readers", "reading connections to SQLite, each with a thread"},
    setting_help{"sqlite.busy_timeout", "how long a write waits for another program's write"},
    setting_help{"sqlite.poll", "how often to check whether another program has written to the file"},
    setting_help{"postgres.password",
                 "password for PostgreSQL, better here or in PGPASSFILE than in the URL"},
    setting_help{"postgres.readers",
                 "reading connections to PostgreSQL, each shared by many queries at once"},
    setting_help{"postgres.writers",
                 "writing connections to PostgreSQL, each lent to one transaction at a time"},
    setting_help{"postgres.statement_timeout",
                 "how long a statement may take, waiting for a connection included"},
    setting_help{"postgres.transaction_timeout",
                 "how long a transaction may be open before it is rolled back"},
    setting_help{"postgres.connect_timeout", "how long connecting to PostgreSQL may take"},
    setting_help{
        "outbox.install",
        "on PostgreSQL, install the outbox on the platform's tables at the start, so that caches see "
        "other programs' writes"},
    setting_help{"outbox.limit", "what the outbox may hold in the database"},
    setting_help{"relay.enabled",
                 "on PostgreSQL, read the outbox and invalidate the caches; without it they see only writes "
                 "of gateways"},
    setting_help{"relay.poll", "how often the active relay polls the outbox"},
    setting_help{"relay.bound",
                 "bound on staleness: no cached value is served that may miss an older commit"},
    setting_help{"relay.takeover", "how long the active relay may be silent before another takes over"},
    setting_help{"relay.events",
                 "how often each gateway polls the outbox for events; 0s: it publishes its own events only"},
    setting_help{"auth.session_idle", "a session ends this long after its last request"},
    setting_help{"auth.session_lifetime", "a session ends this long after its login, however used"},
    setting_help{
        "auth.secure_cookie",
        "name the cookies __Host-… and mark them Secure: set it when clients reach the gateway through TLS"},
    setting_help{"auth.origins",
                 "origins such as https://app.example whose pages may send changes with a browser's cookie"},
    setting_help{"auth.password_threads", "threads that hash passwords, away from those that serve"},
    setting_help{"auth.password_memory", "memory of one argon2id hash"},
    setting_help{"auth.password_passes",
                 "passes of one argon2id hash; a login renews a hash with other costs"},
    setting_help{"rate.user", "requests a minute of one user; 0: no limit"},
    setting_help{"rate.user_burst", "how many of them may come at once; 0: all"},
    setting_help{"rate.user_writes", "those that may change something, counted besides; 0: no limit"},
    setting_help{"rate.user_writes_burst", "how many of them may come at once; 0: all"},
    setting_help{
        "rate.address",
        "requests a minute of one address (of IPv6: 64 bits) without a session, and refused ones; 0: no "
        "limit"},
    setting_help{"rate.address_burst", "how many of them may come at once; 0: all"},
    setting_help{"rate.login_account",
                 "logins a minute tried for one account from one address, or from one browser that the user "
                 "has used before; 0: no limit"},
    setting_help{"rate.login_account_burst", "how many of them may come at once; 0: all"},
    setting_help{"rate.login_address", "logins a minute tried from one address; 0: no limit"},
    setting_help{"rate.login_address_burst", "how many of them may come at once; 0: all"},
    setting_help{
        "rate.admin",
        "refused requests a minute of one address to the admin listener, such as wrong tokens; 0: no "
        "limit"},
    setting_help{
        "edge.probe",
        "public URL of the site, https://HOST; after each purge a page of it is requested through the "
        "edge, to prove that it is new; empty: no proof"},
    setting_help{"edge.rate", "purge calls a minute to one edge"},
    setting_help{"edge.burst", "purge calls at once to one edge"},
    setting_help{"edge.cloudflare.url", "base URL of Cloudflare's API"},
    setting_help{"edge.cloudflare.zone", "id of the zone that is purged; empty: no Cloudflare"},
    setting_help{"edge.cloudflare.token", "API token with the permission Cache Purge; never shown"},
    setting_help{"edge.fastly.url", "base URL of Fastly's API"},
    setting_help{"edge.fastly.service", "id of the service that is purged; empty: no Fastly"},
    setting_help{"edge.fastly.token", "API token with the scopes purge_select and purge_all; never shown"},
    setting_help{"edge.varnish.urls",
                 "servers of Varnish or Vinyl, http://HOST:PORT, each of which is purged; "
                 "docs/guide/edge_varnish.md has their VCL"},
    setting_help{"edge.nginx.urls",
                 "epochs of nginx servers, http://HOST:PORT/strata-epoch; docs/guide/edge_nginx.md has their "
                 "configuration"},
    setting_help{"entity.*.ttl", "how long a value is fresh"},
    setting_help{"entity.*.l1_ttl",
                 "how long memory keeps a value before it asks the second level again; 0s: as long as it may "
                 "be used"},
    setting_help{"entity.*.sliding",
                 "a value is fresh for this long after it was last read, at most for ttl; less than ttl; 0s: "
                 "off"},
    setting_help{"entity.*.negative_ttl", "how long \"not found\" is remembered; 0s: not at all"},
    setting_help{"entity.*.jitter", "random share, 0 to 0.5, by which each ttl is shortened"},
    setting_help{"entity.*.max_size", "a value whose encoding is larger is returned, but not stored"},
    setting_help{"entity.*.fail_safe",
                 "when the source fails or is too slow, serve the last value, marked stale"},
    setting_help{"entity.*.grace", "how long after its ttl fail_safe may serve a value"},
    setting_help{"entity.*.throttle", "how long fail_safe waits before it calls a failing source again"},
    setting_help{
        "entity.*.failure_ttl",
        "how long a failure of the source is remembered where no value can stand in, at most 5m; 0s: "
        "off"},
    setting_help{"entity.*.stale_while_revalidate",
                 "how long after its ttl a value is served at once, marked stale, and refreshed in the "
                 "background; 0s: off"},
    setting_help{"entity.*.eager_refresh",
                 "refresh in the background on a hit after this share of the ttl, below 1, e.g. 0.9; 0: off"},
    setting_help{
        "entity.*.xfetch_beta",
        "refresh early at random, the earlier the slower the source (XFetch), 0 to 100; 1 suits; 0: off"},
    setting_help{"entity.*.soft_timeout",
                 "how long a reader waits when there is a stale value; needs fail_safe; 0s: for ever"},
    setting_help{"entity.*.hard_timeout", "how long a reader waits at all; 0s: for ever"},
    setting_help{"entity.*.tags", "tags that every value carries, for removal together"},
    setting_help{"entity.*.sensitive", "encrypt in the second level, and never show to an operator"},
    setting_help{
        "entity.*.dictionaries",
        "files of trained zstd dictionaries for the second level; the first compresses, all decompress"},
};

std::string help_of(std::string_view key) {
  for (const auto& each : helps) {
    if (each.key == key) return std::string(each.help);
  }
  throw std::logic_error(fmt::format("the setting {} has no help", key));
}

strata::result<void> read_value(std::string_view text, std::string& into) {
  into = text;
  return {};
}

strata::result<void> read_value(std::string_view text, strata::duration& into) {
  auto parsed = strata::parse_duration(text);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  into = *parsed;
  return {};
}

strata::result<void> read_value(std::string_view text, strata::byte_size& into) {
  auto parsed = strata::parse_size(text);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  into = *parsed;
  return {};
}

strata::result<void> read_value(std::string_view text, bool& into) {
  if (text != "true" && text != "false") {
    return strata::fail(strata::errc::invalid_argument, fmt::format("\"{}\" is not true or false", text));
  }
  into = text == "true";
  return {};
}

strata::result<void> read_value(std::string_view text, std::vector<std::string>& into) {
  into.clear();
  while (!text.empty()) {
    const auto item = text.substr(0, text.find(','));
    into.emplace_back(item);
    text.remove_prefix(std::min(item.size() + 1, text.size()));
  }
  return {};
}

template <class Number>
strata::result<void> read_number(std::string_view text, Number& into, std::string_view expected) {
  Number parsed{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (status != std::errc() || end != text.data() + text.size()) {
    return strata::fail(strata::errc::invalid_argument, fmt::format("\"{}\" is not {}", text, expected));
  }
  into = parsed;
  return {};
}
strata::result<void> read_value(std::string_view text, std::uint32_t& into) {
  return read_number(text, into, "a whole number from 0 to 4294967295");
}
strata::result<void> read_value(std::string_view text, double& into) {
  return read_number(text, into, "a number");
}

std::string write_value(const std::string& value) {
  return value;
}
std::string write_value(strata::duration value) {
  return strata::to_text(value);
}
std::string write_value(strata::byte_size value) {
  return strata::to_text(value);
}
std::string write_value(bool value) {
  return value ? "true" : "false";
}
std::string write_value(std::uint32_t value) {
  return std::to_string(value);
}
std::string write_value(double value) {
  return fmt::format("{}", value);
}
std::string write_value(const std::vector<std::string>& value) {
  return fmt::format("{}", fmt::join(value, ","));
}

template <class T>
constexpr setting_kind kind_of() {
  if constexpr (std::is_same_v<T, strata::duration>) return setting_kind::duration;
  if constexpr (std::is_same_v<T, strata::byte_size>) return setting_kind::size;
  if constexpr (std::is_same_v<T, bool>) return setting_kind::yes_no;
  if constexpr (std::is_same_v<T, std::uint32_t>) return setting_kind::count;
  if constexpr (std::is_same_v<T, double>) return setting_kind::fraction;
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return setting_kind::texts;
  return setting_kind::text;
}

template <class T>
using members_of = boost::describe::describe_members<T, boost::describe::mod_public>;

/// Adds a row for each leaf below `Section`; `reach` returns the section of a config.
template <class Section, class Reach>
void add(std::vector<setting>& table, const gateway::config& defaults, const std::string& prefix,
         const std::string& help_prefix, Reach reach) {
  boost::mp11::mp_for_each<members_of<Section>>([&](auto member) {
    using field = std::remove_cvref_t<decltype(std::declval<Section&>().*member.pointer)>;
    const std::string key = prefix + member.name;
    const auto field_of = [reach, pointer = member.pointer](auto& values) -> auto& {
      return reach(values).*pointer;
    };
    if constexpr (std::is_same_v<field, std::map<std::string, gateway::entity_config>>) {
      for (const auto& each : field_of(defaults)) {
        add<gateway::entity_config>(
            table, defaults, key + '.' + each.first + '.', key + ".*.",
            [field_of, name = each.first](auto& values) -> auto& { return field_of(values).at(name); });
      }
    } else if constexpr (boost::describe::has_describe_members<field>::value) {
      add<field>(table, defaults, key + '.', key + '.', field_of);
    } else {
      table.push_back(
          {.key = key,
           .kind = kind_of<field>(),
           .help = help_of(help_prefix + member.name),
           .secret = key == "admin_token" || key == "encryption.keys" || key == "postgres.password" ||
                     key.ends_with(".token"),
           .read = [field_of](gateway::config& into,
                              std::string_view text) { return read_value(text, field_of(into)); },
           .write = [field_of](const gateway::config& from) { return write_value(field_of(from)); }});
    }
  });
}

}  // namespace

std::string_view name(setting_kind kind) noexcept {
  switch (kind) {
    case setting_kind::text:
      return "text in quotes";
    case setting_kind::duration:
      return "a duration in quotes, e.g. \"30m\"";
    case setting_kind::size:
      return "a size in quotes, e.g. \"64MiB\"";
    case setting_kind::count:
      return "a whole number";
    case setting_kind::fraction:
      return "a number";
    case setting_kind::yes_no:
      return "true or false";
    case setting_kind::texts:
      return "a list of texts without commas, e.g. [\"a\", \"b\"]";
  }
  std::unreachable();
}

std::string setting::flag() const {
  std::string out = "--" + key;
  for (char& each : out) {
    if (each == '.' || each == '_') each = '-';
  }
  return out;
}

std::string setting::variable() const {
  std::string out = "STRATA_" + key;
  for (char& each : out) {
    if (each == '.') each = '_';
    if (each >= 'a' && each <= 'z') each = static_cast<char>(each - 'a' + 'A');
  }
  return out;
}

std::vector<setting> settings(const gateway::config& defaults) {
  std::vector<setting> table;
  add<gateway::config>(table, defaults, "", "", [](auto& values) -> auto& { return values; });
  return table;
}

namespace {

/// "ttl" of "entity.agent.ttl".
std::string field_of(const setting& of) {
  return of.key.substr(of.key.rfind('.') + 1);
}

std::string shown(const setting& of, const gateway::config& values) {
  const auto value = of.write(values);
  return value.empty() ? "–" : '`' + value + '`';
}

}  // namespace

std::string markdown(const gateway::config& defaults) {
  std::string out = "| key | flag | variable | default | what |\n|---|---|---|---|---|\n";
  const auto table = settings(defaults);
  for (const auto& each : table) {
    if (each.of_an_entity()) continue;
    out += fmt::format("| `{}` | `{}` | `{}` | {} | {} |\n", each.key, each.flag(), each.variable(),
                       shown(each, defaults), each.help);
  }
  out += "\n| key | default | what |\n|---|---|---|\n";
  gateway::config one;  // one entity with the library's own defaults
  one.entity["*"] = gateway::entity_config_of({});
  const auto common = settings(one);
  for (const auto& each : common) {
    if (each.of_an_entity())
      out += fmt::format("| `{}` | {} | {} |\n", field_of(each), shown(each, one), each.help);
  }
  out += "\n| entity | ttl | and |\n|---|---|---|\n";
  for (const auto& [entity, policy] : defaults.entity) {
    std::string others;
    for (const auto& each : table) {
      if (!each.key.starts_with("entity." + entity + '.') || field_of(each) == "ttl") continue;
      const auto usual = std::ranges::find(common, "entity.*." + field_of(each), &setting::key);
      if (each.write(defaults) == usual->write(one)) continue;
      others += fmt::format("{}`{} = {}`", others.empty() ? "" : ", ", field_of(each), each.write(defaults));
    }
    out += fmt::format("| `{}` | `{}` | {} |\n", entity, strata::to_text(policy.ttl),
                       others.empty() ? "–" : others);
  }
  return out;
}

}  // namespace strata::cli
