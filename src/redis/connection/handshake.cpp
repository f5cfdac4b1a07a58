#include "redis/connection/handshake.hpp"

#include "redis/connection/info_field.hpp"

#include <utility>

#include <fmt/format.h>

namespace strata::redis {

namespace {

/// The server's words, unless they repeat the password: Redis 5 quotes unknown commands.
std::string_view words_of(const resp::value& refusal, const client_options& with) {
  const auto said = refusal.error();
  const auto& password = with.login.password;
  return !password.empty() && said.message.contains(password) ? said.code : said.message;
}

std::unexpected<error> refused(const address& from, std::string_view what) {
  return fail(errc::store_unavailable, fmt::format("Redis at {}: {}", to_text(from), what));
}

std::unexpected<error> hello_refused(const client_options& with, const address& from,
                                     const resp::value& hello) {
  const auto code = hello.error().code;
  const auto words = words_of(hello, with);
  if (code == "WRONGPASS") return refused(from, "the user or the password is wrong");
  if (code == "NOAUTH") return refused(from, "a password is needed, and none was given");
  if (code == "NOPERM") return refused(from, fmt::format("the user may not connect: {}", words));
  return refused(from, fmt::format("HELLO 3 is refused, so it speaks protocol 2 only; Redis 6 or newer, or "
                                   "Valkey, is needed (it said: {})",
                                   words));
}

std::string text_of(const resp::value& map, std::string_view key) {
  const auto* found = map.find(key);
  return found == nullptr ? std::string() : std::string(found->text());
}

}  // namespace

resp::pipeline handshake_commands(const client_options& with) {
  resp::pipeline made;
  made.add("HELLO").arg(3);
  if (!with.login.password.empty() || !with.login.user.empty()) {
    made.arg("AUTH").arg(with.login.user.empty() ? "default" : with.login.user).arg(with.login.password);
  }
  if (!with.name.empty()) made.arg("SETNAME").arg(with.name);
  if (with.database != 0) made.add("SELECT").arg(with.database);
  made.add("PING");
  made.add("INFO").arg("server");
  if (!with.setup.empty()) made.add(with.setup);
  return made;
}

result<connection_info> read_handshake(const client_options& with, const address& from,
                                       std::span<resp::value> replies) {
  std::size_t next = 0;
  const auto& hello = replies[next++];
  if (hello.is_error()) return hello_refused(with, from, hello);
  if (const auto* protocol = hello.find("proto"); protocol == nullptr || protocol->integer() != 3) {
    return refused(from, "the reply to HELLO 3 is not that of Redis");
  }
  if (with.database != 0) {
    if (const auto& selected = replies[next++]; selected.is_error()) {
      return refused(from, fmt::format("cannot SELECT {}: {}", with.database, words_of(selected, with)));
    }
  }
  // NOPERM from a user that may not PING is an answer, too.
  if (const auto& ping = replies[next++]; ping.is_error() && ping.error().code != "NOPERM") {
    return refused(from, fmt::format("is not ready: {}", words_of(ping, with)));
  }
  const auto& info = replies[next++];

  connection_info about;
  about.server = text_of(hello, "server");
  about.version = text_of(hello, "version");
  about.mode = text_of(hello, "mode");
  about.role = text_of(hello, "role");
  if (const auto* id = hello.find("id")) about.client_id = id->integer().value_or(0);
  about.run_id = info_field(info.text(), "run_id");
  if (info.text().contains("valkey_version:")) about.server = "valkey";
  for (auto& each : replies.subspan(next)) {
    if (each.is_error()) {
      return refused(from, fmt::format("setting up the connection failed: {}", words_of(each, with)));
    }
    about.setup.push_back(std::move(each));
  }
  return about;
}

}  // namespace strata::redis
