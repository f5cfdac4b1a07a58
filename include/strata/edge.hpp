#pragma once
/// Purging the edge: one interface for Cloudflare, Fastly, Varnish and nginx.
/// Threads: an `edge_client` and an `edge_http` may be used from any thread. Values are plain.
///
///   auto http = strata::open_edge_http();
///   auto edge = strata::cloudflare_edge(http, {.zone = "023e…", .token = token});
///   auto outcome = co_await edge->purge({.kind = strata::edge_purge_kind::tag, .values =
///   {"listing:lst_1"}}); if (!outcome.done()) retry_after(outcome.retry_after, outcome.trouble);
///
/// Purges are idempotent: repeat one whose outcome is unknown. `edge_sender` (edge_queue.hpp) does that, and
/// loses none.

#include <strata/task.hpp>
#include <strata/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {

/// What a purge names.
enum class edge_purge_kind : std::uint8_t {
  tag,        ///< every answer that carries it
  url,        ///< one answer: https://www.example.org/marketplace/listings?page=2
  prefix,     ///< every answer whose URL begins with it: https://www.example.org/marketplace/
  everything  ///< its value is empty
};
std::string_view name(edge_purge_kind kind) noexcept;
std::optional<edge_purge_kind> edge_purge_kind_of(std::string_view name) noexcept;

/// `tag` as fields and purges carry it. A byte outside `A-Z a-z 0-9 . _ : - ~` is percent-encoded, so that no
/// tag ends a field or names a second tag. A result above 255 bytes becomes "h:" and its hash.
std::string edge_tag(std::string_view tag);

/// The longest value of a purge, in bytes.
inline constexpr std::size_t longest_edge_value = 1024;

/// One purge. Its tag is not encoded yet.
struct edge_purge {
  edge_purge_kind kind{};
  std::string value;
  /// The edge may serve the old answer once more while it revalidates. An edge without soft purges purges
  /// hard.
  bool soft = false;
  friend bool operator==(const edge_purge&, const edge_purge&) = default;
};

/// Why `what` cannot be purged: no value, too long, or a URL without http:// or https://. Empty: it can.
std::string problem_of(const edge_purge& what);

/// Purges of one kind that one call sends.
struct edge_batch {
  edge_purge_kind kind{};
  std::vector<std::string> values;  ///< empty for `everything`
  bool soft = false;
};

/// What an edge said to a purge.
struct edge_outcome {
  std::string trouble;     ///< the reason and the remedy; empty: purged. Holds no token.
  duration retry_after{};  ///< not sooner, as the edge asks; 0: it did not say
  bool done() const noexcept { return trouble.empty(); }
};

/// What one call to an edge may carry.
struct edge_limits {
  std::size_t items = 1;
  std::size_t bytes = 16'384;  ///< of all values together
};

/// One edge.
class edge_client {
 public:
  virtual ~edge_client() = default;
  /// "cloudflare", "varnish/10.0.0.1:6081": the label of its metrics, and its name in the queue.
  virtual std::string_view name() const noexcept = 0;
  virtual edge_limits limits() const noexcept = 0;
  /// Purges in one call. Requires: `what` is within `limits` and not empty.
  /// Lifetime: the client outlives the task.
  virtual task<edge_outcome> purge(edge_batch what) = 0;
  /// How a page is requested through this edge: `url` itself, or this edge's server with the host of `url`.
  virtual std::string page_address(std::string_view url) const { return std::string(url); }
};

/// A request to an edge.
struct edge_request {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};

/// Its response.
struct edge_response {
  std::string trouble;  ///< why there is none, e.g. a refused connection; empty: there is one
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  ///< names in lower case
  std::string body;                                         ///< at most 64 KiB of it

  /// The first value of the field `name`, or empty.
  std::string_view field(std::string_view name) const noexcept;
};

/// Sends HTTP requests.
class edge_http {
 public:
  virtual ~edge_http() = default;
  /// Never throws for what the network does. Follows no redirect.
  virtual task<edge_response> send(edge_request what) = 0;
  /// Ends the requests on their way, and refuses later ones. Idempotent.
  virtual void stop() = 0;
};

struct edge_http_options {
  duration timeout = std::chrono::seconds(10);  ///< of a whole request
  duration connect_timeout = std::chrono::seconds(3);
};

/// libcurl on a thread of its own; connections are reused. Its destructor stops it.
/// Throws bad_options if a timeout is below 1 ms.
std::shared_ptr<edge_http> open_edge_http(edge_http_options options = {});

/// Cloudflare's API: by tag, URL, prefix, everything; 100 items a call; soft by invalidate_cache.
struct cloudflare_options {
  std::string url = "https://api.cloudflare.com/client/v4";
  std::string zone;
  std::string token;  ///< with the permission Cache Purge
};
/// Throws bad_options that names every problem. The other factories do too.
std::unique_ptr<edge_client> cloudflare_edge(std::shared_ptr<edge_http> over, cloudflare_options options);

/// Fastly's API: by tag (256 a call), URL and everything. It knows no prefixes: one purges everything.
struct fastly_options {
  std::string url = "https://api.fastly.com";
  std::string service;
  std::string token;  ///< with the scope purge_all and purge_select
};
std::unique_ptr<edge_client> fastly_edge(std::shared_ptr<edge_http> over, fastly_options options);

/// One server of Varnish or Vinyl with the VCL of docs/guide/edge_varnish.md: tags by xkey where the VCL
/// loads it, else by ban.
struct varnish_options {
  std::string url;  ///< http://10.0.0.1:6081
};
std::unique_ptr<edge_client> varnish_edge(std::shared_ptr<edge_http> over, varnish_options options);

/// One server of nginx with the configuration of docs/guide/edge_nginx.md. Its cache key holds an epoch, and
/// every purge raises it: so a purge of anything purges everything, and none is soft.
struct nginx_options {
  std::string url;  ///< of the epoch: http://10.0.0.1:8081/strata-epoch
};
std::unique_ptr<edge_client> nginx_edge(std::shared_ptr<edge_http> over, nginx_options options);

}  // namespace strata
