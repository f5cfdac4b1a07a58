// Fastly's API: POST /service/{id}/purge with Surrogate-Key, /purge/{url}, /service/{id}/purge_all.
// https://www.fastly.com/documentation/reference/api/purging/

#include "edge/address.hpp"

#include <strata/error.hpp>

#include <fmt/format.h>

namespace strata {

namespace {

using namespace edge_detail;

class fastly_client final : public edge_client {
 public:
  fastly_client(std::shared_ptr<edge_http> over, fastly_options options)
      : http_(std::move(over)), options_(std::move(options)) {
    options_.url = without_slash(std::move(options_.url));
  }

  std::string_view name() const noexcept override { return "fastly"; }
  edge_limits limits() const noexcept override { return {.items = 256, .bytes = 16'000}; }

  task<edge_outcome> purge(edge_batch what) override {
    if (what.kind != edge_purge_kind::url) {
      auto one = call(request_of(what));
      co_return co_await std::move(one);
    }
    for (const auto& each : what.values) {  // the API takes one URL a call
      auto one = call(request(fmt::format("{}/purge/{}", options_.url, without_scheme(each)), what.soft));
      auto outcome = co_await std::move(one);
      if (!outcome.done()) co_return outcome;
    }
    co_return edge_outcome();
  }

 private:
  edge_request request(std::string url, bool soft) const {
    edge_request out{.method = "POST",
                     .url = std::move(url),
                     .fields = {{"Fastly-Key", options_.token}, {"Accept", "application/json"}},
                     .body = {}};
    if (soft) out.fields.emplace_back("Fastly-Soft-Purge", "1");
    return out;
  }

  edge_request request_of(const edge_batch& what) const {
    const auto service = fmt::format("{}/service/{}", options_.url, options_.service);
    // It has no soft form.
    if (what.kind != edge_purge_kind::tag) return request(service + "/purge_all", false);
    auto out = request(service + "/purge", what.soft);
    out.fields.emplace_back("Surrogate-Key", joined(sent_values(what), " "));
    return out;
  }

  task<edge_outcome> call(edge_request what) {
    auto sent = http_->send(std::move(what));
    const auto answer = co_await std::move(sent);
    if (answered(answer, 200)) co_return edge_outcome();
    const auto* remedy = answer.status == 401 || answer.status == 403
                             ? "; check edge.fastly.token and edge.fastly.service"
                             : "";
    co_return failure_of(answer, {"fastly", answer.body, remedy, options_.token});
  }

  std::shared_ptr<edge_http> http_;
  fastly_options options_;
};

}  // namespace

std::unique_ptr<edge_client> fastly_edge(std::shared_ptr<edge_http> over, fastly_options options) {
  std::vector<std::string> problems;
  check_url("fastly_options.url", options.url, problems);
  check_word("fastly_options.service", options.service, problems);
  check_word("fastly_options.token", options.token, problems);
  if (!problems.empty()) throw bad_options(std::move(problems));
  return std::make_unique<fastly_client>(std::move(over), std::move(options));
}

}  // namespace strata
