#include "engine/factory_runner.hpp"

#include <algorithm>
#include <stdexcept>

namespace strata::detail {

namespace {

std::unexpected<error> too_many_factories() {
  return fail(errc::busy,
              "too many factories are running, and too many are waiting (factory_limit, factory_queue)");
}

std::unexpected<error> stopped_filling() {
  return fail(errc::busy, "the cache no longer calls factories (stop_filling)");
}

}  // namespace

error error_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& each) {
    return {errc::factory_failed, each.what()};
  } catch (...) {
    return {errc::factory_failed, "the factory threw something other than a std::exception"};
  }
}

fill_context factory_runner::context_of(const fill_context& all, std::size_t index) {
  auto out = all;
  const auto found = all.each_.find(index);
  if (found == all.each_.end()) return out;
  const auto& one = found->second;
  if (one.ttl_) out.ttl_ = one.ttl_;
  out.tags_.insert(out.tags_.end(), one.tags_.begin(), one.tags_.end());
  if (one.skip_ != miss_reason::none) out.skip_ = one.skip_;
  out.found_nothing_ = out.found_nothing_ || one.found_nothing_;
  out.local_at_first_ = out.local_at_first_ || one.local_at_first_;
  out.refuse_stale_ = out.refuse_stale_ || one.refuse_stale_;
  return out;
}

task<result<factory_result>> factory_runner::run(const any_key& target, any_factory& factory,
                                                 const record_ptr& previous, commit_time asof,
                                                 failed_run& failed) {
  const auto turn = co_await bulkhead_.enter();
  if (!turn) co_return too_many_factories();
  const drain_latch::guest inside(running_);
  if (!inside) co_return stopped_filling();
  fill_context context(asof);
  const auto* const key = &target.key;
  context.keys_ = {&key, 1};
  if (previous != nullptr) context.previous_ = previous->value;
  counters_.count(target.type, &type_cells::factory_calls);
  const auto began = options_.time->now();
  const auto order = admission_.next_read();
  failed = {.asof = asof, .source = {.began = began, .order = order}};
  result<any_value> value;
  try {
    value = co_await factory(context);
  } catch (...) {
    failed.refuses_stale = context.refuse_stale_;
    throw;
  }
  failed.refuses_stale = context.refuse_stale_;
  const auto took = options_.time->now() - began;
  // A later asof would let a value in that was invalidated while its factory ran.
  context.asof_ = std::min(context.asof_, asof);
  if (context.failure_) co_return std::unexpected(*context.failure_);
  if (context.not_modified_ && previous == nullptr) {
    co_return fail(errc::invalid_argument,
                   "the factory called not_modified(), but there is no previous value");
  }
  if (!value && !context.not_modified_) co_return std::unexpected(std::move(value.error()));
  co_return records_.finish(target, value ? std::move(*value) : any_value(), context, previous,
                            {.began = began, .took = took, .order = order});
}

task<result<std::vector<factory_result>>> factory_runner::run_many(std::span<const any_key> keys,
                                                                   std::span<const std::size_t> missing,
                                                                   any_batch_factory& factory,
                                                                   commit_time asof, failed_run& failed) {
  const auto turn = co_await bulkhead_.enter();
  if (!turn) co_return too_many_factories();
  const drain_latch::guest inside(running_);
  if (!inside) co_return stopped_filling();
  asof = std::min(asof, clock_.now());
  fill_context context(asof);
  std::vector<const key*> asked;
  asked.reserve(keys.size());
  for (const auto& each : keys) asked.push_back(&each.key);
  context.keys_ = asked;
  counters_.count(keys[missing.front()].type, &type_cells::factory_calls);
  const auto began = options_.time->now();
  const auto order = admission_.next_read();
  failed = {.asof = asof, .source = {.began = began, .order = order}};
  result<std::vector<any_value>> values;
  try {
    values = co_await factory(missing, context);
  } catch (...) {
    failed.refuses_stale = context.refuse_stale_;
    throw;
  }
  failed.refuses_stale = context.refuse_stale_;
  if (values && values->size() != missing.size()) {
    throw std::length_error("the factory of get_or_set_many returned " + std::to_string(values->size()) +
                            " values for " + std::to_string(missing.size()) + " keys");
  }
  context.asof_ = std::min(context.asof_, asof);  // as in run
  if (context.failure_) co_return std::unexpected(*context.failure_);
  if (!values) co_return std::unexpected(std::move(values.error()));
  std::vector<factory_result> out;
  out.reserve(missing.size());
  for (std::size_t m = 0; m < missing.size(); ++m) {
    const auto index = missing[m];
    out.push_back(records_.finish(keys[index], std::move((*values)[m]), context_of(context, index), nullptr,
                                  {.began = began, .order = order}));
  }
  co_return out;
}

}  // namespace strata::detail
