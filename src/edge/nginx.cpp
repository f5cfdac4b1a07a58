// nginx: its cache key holds the ETag of a file, the epoch, which the client replaces by PUT.
// docs/guide/edge_nginx.md holds the configuration.

#include "edge/address.hpp"

#include <strata/error.hpp>

#include <fmt/format.h>

#include <atomic>
#include <random>

namespace strata {

namespace {

using namespace edge_detail;

/// nginx makes an ETag from a file's time, in seconds, and its size. So consecutive epochs differ in size.
constexpr unsigned sizes = 4096;

class nginx_client final : public edge_client {
 public:
  nginx_client(std::shared_ptr<edge_http> over, nginx_options options)
      : http_(std::move(over)),
        url_(std::move(options.url)),
        name_(fmt::format("nginx/{}", split(url_).host)) {}

  std::string_view name() const noexcept override { return name_; }
  edge_limits limits() const noexcept override { return {.items = 10'000, .bytes = 64u << 20}; }

  task<edge_outcome> purge(edge_batch) override {
    auto sent = http_->send({.method = "PUT",
                             .url = url_,
                             .fields = {{"Content-Type", "text/plain"}},
                             .body = std::string(1 + next_.fetch_add(1) % sizes, '.')});
    const auto answer = co_await std::move(sent);
    if (answered(answer, 201) || answered(answer, 204)) co_return edge_outcome();
    const auto* remedy = answer.status == 403   ? "; allow this gateway's address where the epoch is written"
                         : answer.status == 405 ? "; use the configuration of docs/guide/edge_nginx.md"
                                                : "";
    co_return failure_of(answer, {.edge = name_, .remedy = remedy});
  }

 private:
  std::shared_ptr<edge_http> http_;
  std::string url_;
  std::string name_;
  std::atomic<unsigned> next_{std::random_device()() % sizes};
};

}  // namespace

std::unique_ptr<edge_client> nginx_edge(std::shared_ptr<edge_http> over, nginx_options options) {
  std::vector<std::string> problems;
  check_url("nginx_options.url", options.url, problems);
  if (!problems.empty()) throw bad_options(std::move(problems));
  return std::make_unique<nginx_client>(std::move(over), std::move(options));
}

}  // namespace strata
