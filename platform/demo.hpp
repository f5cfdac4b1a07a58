#pragma once
/// A believable platform to look at: 3 organizations, 30 users, 500 agents, 300 listings, always
/// the same ones.
/// Threads: a free function; callable from any thread.

#include "platform/passwords.hpp"
#include "platform/repositories.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>

#include <string>
#include <vector>

namespace strata::platform {

/// Who can log in to the demo platform.
struct demo_login {
  std::string email;
  std::string password;
  bool is_admin = false;
  std::string organization_id;
};

/// Fills an empty database in one transaction; does nothing to one that holds anything.
/// Returns: one login a role; those of an earlier filling whose users are still there, with the
///          passwords they were given then
/// Errors:  as `database::begin`; busy
/// Cost:    two password hashes, about 1,700 rows
strata::task<strata::result<std::vector<demo_login>>> fill_demo(const repositories& data,
                                                                password_hasher& passwords);

}  // namespace strata::platform
