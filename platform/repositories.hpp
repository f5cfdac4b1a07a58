#pragma once
/// The platform's rows and lists, read through the cache and written through it.
/// Threads: immutable; callable from any thread.

#include "platform/changes.hpp"
#include "platform/entity_table.hpp"

#include <strata/cache.hpp>
#include <strata/database.hpp>
#include <strata/events.hpp>
#include <strata/repository.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

/// Which part of a list. Requires: page >= 1, limit 1 to 100.
struct page_request {
  std::int64_t page = 1;
  std::int64_t limit = 20;
};

/// Who may log in with which password.
struct credential {
  std::string user_id;
  std::string password_hash;
};

class repositories {
 public:
  /// Lifetime: all that is referred to outlives it, and it outlives its tasks.
  repositories(strata::database& source, strata::cache& target, strata::event_bus& bus,
               const entity_table& entities, const strata::clock& time);

  const user_entity::repository users;
  const organization_entity::repository organizations;
  const agent_entity::repository agents;
  const listing_entity::repository listings;
  const config_entity::repository configs;
  const tools_entity::repository tools;
  const settings_entity::repository settings;
  const permissions_entity::repository permissions;

  /// A page of an organization's agents, newest first; of one status if it is not empty.
  strata::task<strata::lookup<page>> agents_of(std::string_view organization_id, std::string_view status,
                                               page_request part, strata::read_how how = {}) const;

  /// A page of the marketplace by name: the listings that hold every word of `query` in name,
  /// description or publisher, without regard to case; all of them if it holds no word.
  strata::task<strata::lookup<page>> listings_matching(std::string_view query, page_request part,
                                                       strata::read_how how = {}) const;

  /// The credential of the user with this email, without regard to case. Never cached.
  strata::task<strata::result<std::optional<credential>>> credential_of(std::string email) const;

  strata::task<strata::result<strata::unit_of_work>> begin() const;

  /// As `strata::in_transaction` over the platform's database and cache.
  template <class Attempt>
  auto in_transaction(Attempt attempt) const {
    return strata::in_transaction(*source_, *cache_, std::move(attempt));
  }

  /// Sets the user's password hash inside `work`.
  strata::task<strata::result<void>> set_credential(strata::unit_of_work& work, credential value) const;

  /// Commits `work` and publishes `happened`, in this order. When the task ends, all that the
  /// events make invalid is gone from the cache.
  strata::task<strata::result<void>> commit(strata::unit_of_work work,
                                            std::vector<strata::domain_event> happened) const;

  /// True if there is not one organization, user, agent or listing.
  strata::task<strata::result<bool>> empty() const;

  strata::database& source() const noexcept { return *source_; }
  strata::wall_time now() const noexcept { return time_->wall(); }

 private:
  strata::database* source_;
  strata::cache* cache_;
  strata::event_bus* bus_;
  const strata::clock* time_;
  agent_list_entity agent_lists_;
  listing_list_entity listing_lists_;
};

}  // namespace strata::platform
