#include <strata/json_codec.hpp>
#include <strata/session_store.hpp>

#include <boost/describe.hpp>

namespace strata {

namespace {

struct stored_session {
  std::string id, user_id, device, address;
  std::int64_t created_at = 0, used_at = 0, ends_at = 0;  // milliseconds since 1970
  bool rotation_due = false;
};
BOOST_DESCRIBE_STRUCT(stored_session, (),
                      (id, user_id, device, address, created_at, used_at, ends_at, rotation_due))

std::int64_t number_of(wall_time when) {
  return when.time_since_epoch().count();
}

wall_time time_of(std::int64_t number) {
  return wall_time(std::chrono::milliseconds(number));
}

}  // namespace

void codec<session>::encode(const session& value, std::string& out) {
  out += json::text_of(stored_session{value.id, value.user_id, value.device, value.address,
                                      number_of(value.created_at), number_of(value.used_at),
                                      number_of(value.ends_at), value.rotation_due});
}

result<session> codec<session>::decode(std::string_view bytes) {
  auto read = json::read_stored<stored_session>(bytes);
  if (!read) return std::unexpected(std::move(read.error()));
  session out;
  out.id = std::move(read->id);
  out.user_id = std::move(read->user_id);
  out.device = std::move(read->device);
  out.address = std::move(read->address);
  out.created_at = time_of(read->created_at);
  out.used_at = time_of(read->used_at);
  out.ends_at = time_of(read->ends_at);
  out.rotation_due = read->rotation_due;
  return out;
}

std::size_t codec<session>::size(const session& value) {
  return sizeof value + detail::heap_bytes(value.id) + detail::heap_bytes(value.user_id) +
         detail::heap_bytes(value.device) + detail::heap_bytes(value.address);
}

}  // namespace strata
