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

task<result<factory_result>> factory_runner::run(const any_key& target, any_factory& factory,
                                                 const record_ptr& previous, commit_time asof) {
  const auto turn = co_await bulkhead_.enter();
  if (!turn) co_return too_many_factories();
  const drain_latch::guest inside(running_);
  if (!inside) co_return stopped_filling();
  fill_context context(asof);
  if (previous != nullptr) context.previous_ = previous->value;
  counters_.count(target.type, &type_cells::factory_calls);
  const auto began = options_.time->now();
  const auto order = admission_.next_read();
  auto value = co_await factory(context);
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
                                                                   commit_time asof) {
  const auto turn = co_await bulkhead_.enter();
  if (!turn) co_return too_many_factories();
  const drain_latch::guest inside(running_);
  if (!inside) co_return stopped_filling();
  asof = std::min(asof, clock_.now());
  fill_context context(asof);
  counters_.count(keys[missing.front()].type, &type_cells::factory_calls);
  const auto began = options_.time->now();
  const auto order = admission_.next_read();
  auto values = co_await factory(missing, context);
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
    out.push_back(records_.finish(keys[missing[m]], std::move((*values)[m]), context, nullptr,
                                  {.began = began, .order = order}));
  }
  co_return out;
}

}  // namespace strata::detail
