#pragma once
/// The last step of every answer: conditions, content coding, and the head as it is sent.
/// Threads: pure functions (the date is passed in), but for encodings kept by a representation.

#include <server/representation.hpp>
#include <server/request.hpp>
#include <server/response.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace strata::server {

/// 1 KiB and more of a type that compresses.
bool is_encodable(std::size_t size, std::string_view content_type) noexcept;

/// `etag` as the tag of its form in `coding`: `"v7"` → `"v7-gz"`.
std::string coded_etag(std::string_view etag, content_coding coding);

struct content_fields {
  std::string_view content_type;
  std::uint64_t length = 0;
  content_coding coding = content_coding::identity;
  std::string_view etag;
  std::optional<wall_time> last_modified;
  bool varies = false;
};
/// Field lines of a whole answer, and those of them that a 304 carries.
void append_content_fields(std::string& out, const content_fields& of);
void append_validator_fields(std::string& out, const content_fields& of);

/// What the connection knows when an answer is due.
struct connection_facts {
  std::string_view date;  ///< an HTTP date
  std::chrono::sys_seconds now;
  bool close = false;
  bool http_1_0 = false;
};

/// A finished answer: `out` has got its head, this is what follows.
struct finished {
  int status = 0;
  std::uint64_t bytes = 0;  ///< head and body
  std::optional<cache_status> cache;
  std::shared_ptr<const void> owner;  ///< of `shared`
  std::string_view shared;
  std::string own;
  std::shared_ptr<body_stream> stream;  ///< what follows instead
  std::string_view body() const noexcept { return owner ? shared : std::string_view(own); }
};

/// Appends the head of the answer to `asked` to `out` and returns the body to be sent after it.
finished finish(const request& asked, response answer, const connection_facts& facts, std::string& out);

/// As above when there is no request that could be asked: for what could not be parsed.
finished finish_unparsed(response answer, const connection_facts& facts, std::string_view request_id,
                         std::string& out);

}  // namespace strata::server
