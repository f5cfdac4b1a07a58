#pragma once
/// Reads entities from a file into the platform.
/// Threads: a free function; callable from any thread.
///
/// Two formats are understood, told apart by the first character that is no space:
///
///   `{`  JSON Lines, one record a line, blank lines allowed. `type` says what it is:
///        {"type":"organization","id":"org_…","name":"…","plan":"pro","is_active":true}
///        {"type":"user","id":"usr_…","organization_id":"org_…","email":"…","name":"…",
///         "is_admin":false,"password":"…"}
///        {"type":"agent","id":"agt_…","organization_id":"org_…","name":"…","description":"…",
///         "status":"active","is_public":false,"config":{…},"tools":{…}}
///        {"type":"listing","id":"lst_…","name":"…","description":"…","publisher":"…",
///         "repository_url":"https://…","packages":[{…}]}
///        Optional besides: `created_at`, and what the API has a default for. A password is taken
///        only for a user who has none.
///   `[`  an MCP registry export: a JSON array of servers, each of which becomes a listing whose id
///        is made from the server's.
///
/// A record replaces the fields it names. One that changes nothing is not written, so importing a
/// file again leaves every version as it is.

#include "platform/passwords.hpp"
#include "platform/repositories.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <istream>
#include <string>

namespace strata::platform {

/// A record, or a part of one, that cannot go in.
struct import_problem {
  std::size_t line = 0;  ///< where the record begins, from 1
  std::string field;     ///< JSON pointer into it; "" for all of it
  std::string detail;
};

struct import_counts {
  std::size_t records = 0;  ///< read so far
  std::size_t created = 0;
  std::size_t updated = 0;
  std::size_t unchanged = 0;
  std::size_t refused = 0;  ///< each told as one or more problems
  std::uint64_t bytes = 0;  ///< read so far
};

struct import_options {
  /// Told of every problem, in the order of the file.
  std::function<void(const import_problem&)> on_problem;
  /// Told after every batch.
  std::function<void(const import_counts&)> on_progress;
  std::size_t batch = 500;  ///< records in one transaction
};

/// Reads `from` to its end. Bad records are told and left out; the others go in.
/// Returns: what was done; `refused` is 0 if all went in
/// Errors:  as `database::begin` and `unit_of_work::commit`; earlier batches stay in
/// Cost:    memory for one batch; a record is at most 1 MiB
strata::task<strata::result<import_counts>> import_stream(std::istream& from, const repositories& data,
                                                          password_hasher& passwords, import_options options);

}  // namespace strata::platform
