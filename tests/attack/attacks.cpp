#include "tests/attack/attacks.hpp"

#include "tests/attack/colliding_names.hpp"
#include "tests/attack/victim.hpp"
#include "tests/redis/server.hpp"

#include <deque>

namespace strata::attack {

namespace {

constexpr unsigned stranger = 2;  // the attacker's address is 127.0.0.2

using session = std::pair<std::string, std::string>;

struct stage {
  test::redis_server redis;
  system_test::temp_folder folder;
  system_test::temp_folder small_folder;
  gateway victim{folder, {"--demo", "--store", redis.url()}};
  gateway small{small_folder, {"--demo", "--limits-connections", "60"}};
  session member = victim.session(victim.as("member"));
  std::vector<finding> found;

  void note(const char* attack, const char* what, double measured, double bound) {
    found.push_back({attack, what, measured, bound});
  }
  void note_others(const char* attack, const bystander& others) {
    note(attack, "slowest answer to another client, s", others.slowest(), 3);
    note(attack, "requests of another client that failed", others.failed(), 0);
  }
};

std::string head_of(const std::string& line, std::size_t length, const session& who = {}) {
  std::string out = line + " HTTP/1.1\r\nHost: victim\r\nContent-Type: application/json\r\n";
  if (!who.first.empty()) out += who.first + ": " + who.second + "\r\n";
  return out + "Content-Length: " + std::to_string(length) + "\r\n\r\n";
}

/// Sends a request and returns its status; 0 if there was no answer.
int status_of(std::uint16_t port, const std::string& head, const std::string& body) {
  client sender(port, stranger);
  sender.send(head);
  sender.send(body);
  return sender.receive().status;
}

std::string settings_path(const stage& on) {
  const auto me = on.victim.ask("GET", "/users/me", {on.member});
  return "/users/" + system_test::text_at(me.body, "id") + "/settings";
}

/// Objects whose names share one std::hash.
void flood_hashes(stage& on, const scale& by) {
  constexpr auto name = "colliding names";
  const auto body = object_of(colliding_names(by.names));
  const auto settings = settings_path(on);
  bystander others(on.victim.port());
  const auto before = processor_seconds(on.victim);
  double accepted = 0;
  for (int i = 0; i < 4; ++i) {
    accepted += status_of(on.victim.port(), head_of("POST /auth/login", body.size()), body) != 413;
    accepted += status_of(on.victim.port(), head_of("PUT " + settings, body.size(), on.member), body) != 400;
  }
  others.stop();
  on.note(name, "processor seconds of 8 requests", processor_seconds(on.victim) - before, 2);
  on.note(name, "requests that were not refused", accepted, 0);
  on.note_others(name, others);
}

/// Bodies of which the last byte never comes.
void hold_bodies(stage& on, const scale& by) {
  constexpr auto name = "unfinished bodies";
  constexpr std::size_t length = 1u << 20;
  const std::string body(length - 1, ' ');
  const auto settings = settings_path(on);
  bystander others(on.victim.port());
  const auto held = [&](const std::string& head) {
    const auto before = resident_mib(on.victim);
    std::deque<client> senders;
    for (unsigned i = 0; i < by.bodies; ++i) {
      senders.emplace_back(on.victim.port(), stranger);
      senders.back().send(head);
      senders.back().send(body);
    }
    return resident_mib(on.victim) - before;
  };
  on.note(name, "MiB for bodies without a route", held(head_of("POST /nope", length)), 24);
  on.note(name, "MiB for bodies without a session", held(head_of("PUT " + settings, length)), 24);
  on.note(name, "MiB for bodies of a member", held(head_of("PUT " + settings, length, on.member)), 96);
  others.stop();
  on.note_others(name, others);
}

/// One address holds as many connections as it can, idle ones first, then some in the middle of a head.
void hold_connections(stage& on) {
  constexpr auto name = "held connections";
  for (const bool idle : {true, false}) {
    std::deque<client> held;
    for (int i = 0; i < 120; ++i) {
      held.emplace_back(on.small.port(), stranger);
      held.back().send(idle ? "GET /marketplace/listings HTTP/1.1\r\nHost: victim\r\n\r\n" : "GET /mar");
    }
    double refused = 0;
    std::deque<client> honest;
    for (int i = 0; i < 20; ++i) {
      honest.emplace_back(on.small.port());
      refused += honest.back().get("/marketplace/listings").status != 200;
    }
    on.note(name, idle ? "clients refused beside idle ones" : "clients refused beside half heads", refused,
            0);
  }
}

double keys_in(const stage& on) {
  return static_cast<double>(on.redis.call({"DBSIZE"}).integer().value_or(0));
}

/// Searches and ids that exist for one request only.
void invent_keys(stage& on, const scale& by) {
  constexpr auto name = "invented keys";
  const auto grown = [&](const std::string& target, const session& who) {
    const auto before = keys_in(on);
    client asks(on.victim.port(), stranger);
    const auto fields = who.first.empty() ? std::string() : who.first + ": " + who.second + "\r\n";
    for (const auto& each : random_names(by.keys)) asks.get(target + each.substr(0, 12), fields);
    return keys_in(on) - before;
  };
  const double few = 20 + by.keys / 50.0;
  bystander others(on.victim.port());
  on.note(name, "keys in Redis after random searches", grown("/marketplace/listings?q=", {}), few);
  on.note(name, "keys in Redis after random listings", grown("/marketplace/listings/lst_", {}), few);
  on.note(name, "keys in Redis after random agents", grown("/agents/agt_", on.member), few);
  others.stop();
  on.note_others(name, others);
}

/// Cheap writes that concern what everybody reads.
void install_again(stage& on, const scale& by) {
  constexpr auto name = "repeated installs";
  std::vector<std::string> ids;
  const auto page = system_test::parsed(on.victim.ask("GET", "/marketplace/listings?limit=5").body);
  for (const auto& each : page.at("items").as_array()) ids.emplace_back(each.at("id").as_string());
  const auto install = [&](client& with, std::size_t which) {
    with.send(head_of("POST /marketplace/listings/" + ids[which % ids.size()] + "/install", 0, on.member));
    return with.receive().status;
  };
  client attacker(on.victim.port(), stranger);
  double failed = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) failed += install(attacker, i) != 200;
  on.victim.ask("GET", "/marketplace/listings");  // cached again after the installs that count
  bystander others(on.victim.port());
  for (std::size_t i = 0; i < by.installs; ++i) failed += install(attacker, i) != 200;
  others.stop();
  on.note(name, "installs that failed", failed, 0);
  on.found.push_back({name, "hit share of another client", others.hit_share(), 0.9, true});
  on.note_others(name, others);
}

}  // namespace

std::vector<finding> attack_all(const scale& by) {
  stage on;
  flood_hashes(on, by);
  hold_bodies(on, by);
  hold_connections(on);
  invent_keys(on, by);
  install_again(on, by);
  return std::move(on.found);
}

}  // namespace strata::attack
