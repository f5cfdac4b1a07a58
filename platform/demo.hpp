#pragma once
/// A believable platform to look at: 3 organizations, 30 users, 500 agents and 300 listings, the same in
/// every database. Threads: a free function; callable from any thread.

#include "platform/passwords.hpp"
#include "platform/repositories.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>

#include <string>
#include <vector>

namespace strata::platform {

/// A login of the demo platform.
struct demo_login {
  std::string email;
  std::string password;
  bool is_admin = false;
  std::string organization_id;
};

/// Fills an empty database in one transaction; does nothing to one that has rows. Several processes may do so
/// at once: one fills it. Returns: one login for each role. After an earlier filling: those whose users still
/// exist, with the
///          passwords of that filling
/// Errors:  as `database::begin`; busy
/// Cost:    two password hashes, about 1,700 rows
strata::task<strata::result<std::vector<demo_login>>> fill_demo(const repositories& data,
                                                                password_hasher& passwords);

}  // namespace strata::platform
