#include "engine/fill_lease.hpp"

namespace strata::detail {

void fill_lease::release(std::shared_ptr<engine_state> state, std::string name, lease_token token) {
  auto work = [](std::shared_ptr<engine_state> state, std::string name, lease_token token) -> task<> {
    (void)co_await state->l2.release(name, token);
    state->admission.wake(std::string_view(name).substr(state->options.name_space.size() + 1));
  };
  start(nullptr, work(std::move(state), std::move(name), token), [](const completion<void>&) {});
}

}  // namespace strata::detail
