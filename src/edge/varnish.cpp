// Varnish and Vinyl: PURGE with xkey-purge or xkey-softpurge where the VCL loads xkey, else BAN with an
// expression. docs/guide/edge_varnish.md holds the VCL.

#include "edge/address.hpp"

#include <strata/error.hpp>

#include <fmt/format.h>

#include <atomic>

namespace strata {

namespace {

using namespace edge_detail;

/// `text` as a regular expression that matches itself. Requires: printable ASCII.
std::string literal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view(R"(\.[]{}()*+?^$|"#)").contains(c)) out += '\\';
    out += c;
  }
  return out;
}

/// Matches a field of keys separated by spaces that holds one of `tags`.
std::string any_of_tags(const std::vector<std::string>& tags) {
  std::vector<std::string> each;
  for (const auto& tag : tags) each.push_back(literal(tag));
  return fmt::format("(^|[[:space:]])({})($|[[:space:]])", joined(each, "|"));
}

class varnish_client final : public edge_client {
 public:
  varnish_client(std::shared_ptr<edge_http> over, varnish_options options)
      : http_(std::move(over)),
        url_(without_slash(std::move(options.url))),
        name_(fmt::format("varnish/{}", split(url_).host)) {}

  std::string_view name() const noexcept override { return name_; }
  // Varnish reads at most 8 KiB in a field; a byte of a tag may become two of an expression.
  edge_limits limits() const noexcept override { return {.items = 200, .bytes = 3'500}; }
  std::string page_address(std::string_view url) const override { return url_ + split(url).path; }

  task<edge_outcome> purge(edge_batch what) override {
    if (what.kind == edge_purge_kind::tag && !without_xkey_.load()) {
      const auto tags = joined(sent_values(what), " ");
      auto sent = http_->send({.method = "PURGE",
                               .url = url_ + '/',
                               .fields = {{what.soft ? "xkey-softpurge" : "xkey-purge", tags}},
                               .body = {}});
      const auto answer = co_await std::move(sent);
      if (answer.status != 501) co_return judge(answer);
      without_xkey_.store(true);  // the VCL says that it has no xkey
    }
    if (what.kind == edge_purge_kind::url) {
      auto urls = purge_urls(std::move(what));
      co_return co_await std::move(urls);
    }
    edge_request request{.method = "BAN", .url = url_ + '/', .fields = {}, .body = {}};
    if (what.kind == edge_purge_kind::tag) {
      request.fields.emplace_back("Strata-Ban-Tags", any_of_tags(sent_values(what)));
    } else if (what.kind == edge_purge_kind::everything) {
      request.fields.emplace_back("Strata-Ban-Path", "^/");
    } else {
      std::vector<std::string> paths;
      for (const auto& each : what.values) paths.push_back(literal(split(each).path));
      request.fields.emplace_back("Strata-Ban-Path", fmt::format("^({})", joined(paths, "|")));
    }
    auto sent = http_->send(std::move(request));
    const auto answer = co_await std::move(sent);
    co_return judge(answer);
  }

 private:
  task<edge_outcome> purge_urls(edge_batch what) {
    for (const auto& each : what.values) {
      const auto at = split(each);
      edge_request request{
          .method = "PURGE", .url = url_ + at.path, .fields = {{"Host", std::string(at.host)}}, .body = {}};
      if (what.soft) request.fields.emplace_back("Strata-Soft", "1");
      auto sent = http_->send(std::move(request));
      const auto answer = co_await std::move(sent);
      if (auto outcome = judge(answer); !outcome.done()) co_return outcome;
    }
    co_return edge_outcome();
  }

  edge_outcome judge(const edge_response& answer) const {
    if (answered(answer, 200)) return {};
    const auto* remedy = answer.status == 403   ? "; add this gateway's address to the acl of the VCL"
                         : answer.status == 405 ? "; load the VCL of docs/guide/edge_varnish.md"
                                                : "";
    return failure_of(answer, {.edge = name_, .remedy = remedy});
  }

  std::shared_ptr<edge_http> http_;
  std::string url_;
  std::string name_;
  std::atomic<bool> without_xkey_{false};
};

}  // namespace

std::unique_ptr<edge_client> varnish_edge(std::shared_ptr<edge_http> over, varnish_options options) {
  std::vector<std::string> problems;
  check_url("varnish_options.url", options.url, problems);
  if (!problems.empty()) throw bad_options(std::move(problems));
  return std::make_unique<varnish_client>(std::move(over), std::move(options));
}

}  // namespace strata
