#pragma once
/// Reads entities from a file into the platform.
/// Threads: a free function; callable from any thread.
///
/// There are two formats. The first character other than a space decides:
///
///   `{`  JSON Lines, one record a line, blank lines allowed. `type` names the entity:
///        {"type":"organization","id":"org_…","name":"…","plan":"pro","is_active":true}
///        {"type":"user","id":"usr_…","organization_id":"org_…","email":"…","name":"…",
///         "is_admin":false,"password":"…"}
///        {"type":"agent","id":"agt_…","organization_id":"org_…","name":"…","description":"…",
///         "status":"active","is_public":false,"config":{…},"tools":{…}}
///        {"type":"listing","id":"lst_…","name":"…","description":"…","publisher":"…",
///         "repository_url":"https://…","packages":[{…}]}
///        Also optional: `created_at`, and every field with a default in the API. A password is taken
///        only for a user who has none.
///   `[`  an MCP registry export: a JSON array of servers. Each becomes a listing, with an id made from
///        the server's id.
///
/// A record replaces the fields it names. A record that changes nothing is not written, so that a second
/// import of a file leaves every version as it is.

#include "platform/import_writer.hpp"
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

struct import_counts {
  std::size_t records = 0;  ///< read so far
  std::size_t created = 0;
  std::size_t updated = 0;
  std::size_t unchanged = 0;
  std::size_t refused = 0;  ///< each reported as one or more problems
  std::uint64_t bytes = 0;  ///< read so far
};

struct import_options {
  /// Called with every problem, in the order of the file.
  std::function<void(const import_problem&)> on_problem;
  /// Called after every batch.
  std::function<void(const import_counts&)> on_progress;
  std::size_t batch = 500;  ///< records in one transaction
};

/// Reads `from` to its end. Bad records are reported and left out; the others are written.
/// Returns: the counts; `refused` is 0 if all were written
/// Errors:  as `database::begin` and `unit_of_work::commit`; earlier batches stay written
/// Cost:    memory for one batch; a record is at most 1 MiB
strata::task<strata::result<import_counts>> import_stream(std::istream& from, const repositories& data,
                                                          password_hasher& passwords, import_options options);

}  // namespace strata::platform
