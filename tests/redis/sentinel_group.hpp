#pragma once
/// A master with its replicas and the sentinels that watch them, all real.
/// Threads: each object by one.
///
///   sentinel_group group;                        // a master, two replicas, three sentinels
///   open_store(group.url());
///   const auto& old = group.master();
///   old.kill();
///   group.wait_for_another_master(old);

#include "tests/redis/sentinel_process.hpp"

#include <algorithm>
#include <chrono>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::test {

struct group_setup {
  int replicas = 2;
  int sentinels = 3;
  /// A master that is silent for so long is dead to a sentinel. On a busy machine a live one can be silent
  /// for seconds, so a test that expects no failover leaves this value.
  std::chrono::milliseconds down_after = std::chrono::minutes(10);
  bool tls = false;                         ///< for clients and between the processes
  std::vector<std::string> config;          ///< of the servers, as on the command line
  std::vector<std::string> sentinel_lines;  ///< more of the sentinels' configuration
};

class sentinel_group {
 public:
  static constexpr const char* name = "main";

  explicit sentinel_group(group_setup with = {}) : with_(std::move(with)) {
    if (with_.tls) certificates_ = make_certificates(folder_);
    servers_.emplace_back(setup({}));
    const auto watched = std::to_string(port_of(servers_.front()));
    for (int i = 0; i < with_.replicas; ++i) {
      servers_.emplace_back(setup({"--replicaof", "127.0.0.1 " + watched}));
    }
    start_sentinels();
    const bool ready = eventually([&] { return is_ready(); }, std::chrono::seconds(60));
    if (!ready) throw std::runtime_error("the group does not come up: " + sentinels_.front().log());
  }

  /// The URL of all sentinels, or of the `first` few. `login` is "user:password@"; `more` begins with &.
  std::string url(const std::string& login = "", const std::string& more = "", std::size_t first = 99) const {
    std::string hosts;
    for (const auto& each : sentinels_) {
      if (first-- == 0) break;
      const auto port = with_.tls ? each.tls_port() : each.port();
      hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(port);
    }
    return std::string(with_.tls ? "rediss" : "redis") + "+sentinel://" + login + hosts + "?master=" + name +
           (with_.tls ? "&ca=" + certificates_->ca : "") + more;
  }

  /// The server that a sentinel names now.
  redis_server& master() {
    const auto port = named_port();
    const auto is_it = [&](const redis_server& each) { return port_of(each) == port; };
    const auto found = std::ranges::find_if(servers_, is_it);
    if (found == servers_.end())
      throw std::runtime_error("the sentinels name a server that the test did not start");
    return *found;
  }
  /// All servers but `one`.
  std::vector<redis_server*> others(const redis_server& one) {
    std::vector<redis_server*> out;
    for (auto& each : servers_) {
      if (&each != &one) out.push_back(&each);
    }
    return out;
  }
  std::list<redis_server>& servers() { return servers_; }
  std::list<sentinel_process>& sentinels() { return sentinels_; }

  /// Promotes a replica, as an operator does. Throws if the sentinels refuse.
  void begin_failover() {
    std::string said;
    const bool begun = eventually([&] {
      said = resp::to_text(sentinels_.front().call({"SENTINEL", "FAILOVER", name}));
      return said == "OK" || said == "+OK";
    });
    if (!begun) throw std::runtime_error("SENTINEL FAILOVER: " + said);
    is_ordered_ = true;
  }
  /// Waits until the sentinels name a master other than `old`. Returns false if they never do. On a busy
  /// machine they give up a failover whose replica is late; then one that was begun here is begun again.
  bool wait_for_another_master(const redis_server& old) {
    const auto moved = [&] {
      const auto about = sentinels_.front().call({"SENTINEL", "MASTER", name});
      const bool given_up = is_ordered_ && !field(about, "flags").contains("failover_in_progress");
      if (named_port() != port_of(old)) return true;
      if (given_up) sentinels_.front().call({"SENTINEL", "FAILOVER", name});
      return false;
    };
    const bool found = eventually(moved, std::chrono::seconds(90));
    is_ordered_ = false;
    return found;
  }
  /// True when every other server follows the master and has caught up.
  bool is_ready() {
    const auto watched = [&](const sentinel_process& by) {
      const auto about = by.call({"SENTINEL", "MASTER", name});
      return field(about, "flags") == "master" &&
             field(about, "num-slaves") == std::to_string(with_.replicas) &&
             field(about, "num-other-sentinels") == std::to_string(with_.sentinels - 1);
    };
    if (!std::ranges::all_of(sentinels_, watched)) return false;
    const auto role = master().call({"ROLE"});
    return role.items().size() == 3 && role.items()[0].text() == "master" &&
           role.items()[2].items().size() == static_cast<std::size_t>(with_.replicas);
  }

 private:
  /// The value of a field in a RESP2 reply, where names and values alternate.
  static std::string_view field(const resp::value& of, std::string_view wanted) {
    const auto items = of.items();
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (items[i].text() == wanted) return items[i + 1].text();
    }
    return {};
  }

  std::uint16_t port_of(const redis_server& of) const { return with_.tls ? of.tls_port() : of.port(); }

  std::uint16_t named_port() const {
    for (const auto& each : sentinels_) {
      try {
        const auto at = each.call({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name});
        if (at.items().size() == 2) {
          return static_cast<std::uint16_t>(std::stoi(std::string(at.items()[1].text())));
        }
      } catch (const std::exception&) {
        continue;  // it was killed
      }
    }
    throw std::runtime_error("no sentinel answers");
  }

  server_setup setup(std::vector<std::string> more) const {
    server_setup made{.config = with_.config, .tls = with_.tls, .shared_certificates = certificates_};
    made.config.insert(made.config.end(), {"--repl-diskless-sync-delay", "0", "--repl-timeout", "60"});
    if (with_.tls) made.config.insert(made.config.end(), {"--tls-replication", "yes"});
    made.config.insert(made.config.end(), more.begin(), more.end());
    return made;
  }

  void start_sentinels() {
    struct place {
      std::uint16_t port, tls_port;
      std::string id;
    };
    std::vector<place> places;
    for (int i = 0; i < with_.sentinels; ++i) {
      const auto tls = with_.tls ? spare_port() : std::uint16_t{0};
      places.push_back({spare_port(), tls, std::string(39, 'a') + std::to_string(i)});
    }
    for (const auto& each : places) {
      auto lines = common_lines();
      lines.push_back("sentinel myid " + each.id);
      for (const auto& other : places) {
        if (other.id == each.id) continue;
        const auto port = with_.tls ? other.tls_port : other.port;
        lines.push_back(about("known-sentinel") + " 127.0.0.1 " + std::to_string(port) + ' ' + other.id);
      }
      sentinels_.emplace_back(sentinel_setup{each.port, each.tls_port, lines});
    }
    for (auto& each : sentinels_) each.wait_until_there();
  }

  static std::string about(const std::string& what) { return "sentinel " + what + ' ' + name; }

  std::vector<std::string> common_lines() const {
    std::vector<std::string> lines;
    if (with_.tls) {
      lines = {"tls-ca-cert-file " + certificates_->ca, "tls-cert-file " + certificates_->server,
               "tls-key-file " + certificates_->server_key, "tls-auth-clients no", "tls-replication yes"};
    }
    lines.push_back(about("monitor") + " 127.0.0.1 " + std::to_string(port_of(servers_.front())) + ' ' +
                    std::to_string(with_.sentinels / 2 + 1));
    lines.push_back(about("down-after-milliseconds") + ' ' + std::to_string(with_.down_after.count()));
    // The wait after an election without a winner is twice as long.
    lines.push_back(about("failover-timeout") + " 5000");
    for (auto at = std::next(servers_.begin()); at != servers_.end(); ++at) {
      lines.push_back(about("known-replica") + " 127.0.0.1 " + std::to_string(port_of(*at)));
    }
    lines.insert(lines.end(), with_.sentinel_lines.begin(), with_.sentinel_lines.end());
    return lines;
  }

  group_setup with_;
  temporary_folder folder_;
  std::optional<test::certificates> certificates_;
  std::list<redis_server> servers_;
  std::list<sentinel_process> sentinels_;
  bool is_ordered_ = false;  ///< a failover was begun here and is waited for
};

}  // namespace strata::test
