// Cloudflare's API v4: POST /zones/{zone}/purge_cache, and /invalidate_cache for a soft purge.
// https://developers.cloudflare.com/api/resources/cache/methods/purge/

#include "edge/address.hpp"

#include <strata/error.hpp>
#include <strata/json.hpp>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace strata {

namespace {

using namespace edge_detail;

std::string body_of(const edge_batch& what) {
  if (what.kind == edge_purge_kind::everything) return R"({"purge_everything":true})";
  boost::json::array values;
  for (const auto& each : sent_values(what)) {
    values.emplace_back(what.kind == edge_purge_kind::prefix ? without_scheme(each) : std::string_view(each));
  }
  const auto* member = what.kind == edge_purge_kind::tag   ? "tags"
                       : what.kind == edge_purge_kind::url ? "files"
                                                           : "prefixes";
  return json::to_text(boost::json::object{{member, std::move(values)}});
}

/// "code: message" of each error of an answer.
std::string errors_of(const boost::json::value& answer) {
  std::string out;
  const auto* object = answer.if_object();
  const auto* errors = object == nullptr ? nullptr : object->if_contains("errors");
  if (errors == nullptr || !errors->is_array()) return out;
  for (const auto& each : errors->get_array()) {
    const auto* one = each.if_object();
    if (one == nullptr) continue;
    const auto* code = one->if_contains("code");
    const auto* message = one->if_contains("message");
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", code == nullptr ? "" : json::to_text(*code),
                       message != nullptr && message->is_string() ? std::string_view(message->get_string())
                                                                  : std::string_view());
  }
  return out;
}

class cloudflare_client final : public edge_client {
 public:
  cloudflare_client(std::shared_ptr<edge_http> over, cloudflare_options options)
      : http_(std::move(over)), options_(std::move(options)) {
    options_.url = without_slash(std::move(options_.url));
  }

  std::string_view name() const noexcept override { return "cloudflare"; }
  edge_limits limits() const noexcept override { return {.items = 100, .bytes = 64 << 10}; }

  task<edge_outcome> purge(edge_batch what) override {
    edge_request request{
        .method = "POST",
        .url = fmt::format("{}/zones/{}/{}", options_.url, options_.zone,
                           what.soft ? "invalidate_cache" : "purge_cache"),
        .fields = {{"Authorization", "Bearer " + options_.token}, {"Content-Type", "application/json"}},
        .body = body_of(what)};
    auto sent = http_->send(std::move(request));
    const auto answer = co_await std::move(sent);
    co_return judge(answer);
  }

 private:
  /// A 200 is a success only if its body says so.
  edge_outcome judge(const edge_response& answer) const {
    const auto body = json::parse(answer.body);
    const auto* object = body ? body->if_object() : nullptr;
    const auto* success = object == nullptr ? nullptr : object->if_contains("success");
    const bool says_so = success != nullptr && success->is_bool() && success->get_bool();
    if (answered(answer, 200) && says_so) return {};
    const auto errors = body ? errors_of(*body) : std::string();
    const auto* remedy = answer.status == 401 || answer.status == 403
                             ? "; check edge.cloudflare.token and edge.cloudflare.zone"
                             : "";
    return failure_of(answer, {"cloudflare", errors, remedy, options_.token});
  }

  std::shared_ptr<edge_http> http_;
  cloudflare_options options_;
};

}  // namespace

std::unique_ptr<edge_client> cloudflare_edge(std::shared_ptr<edge_http> over, cloudflare_options options) {
  std::vector<std::string> problems;
  check_url("cloudflare_options.url", options.url, problems);
  check_word("cloudflare_options.zone", options.zone, problems);
  check_word("cloudflare_options.token", options.token, problems);
  if (!problems.empty()) throw bad_options(std::move(problems));
  return std::make_unique<cloudflare_client>(std::move(over), std::move(options));
}

}  // namespace strata
