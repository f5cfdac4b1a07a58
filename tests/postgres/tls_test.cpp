// TLS with a certificate created here.

#include "tests/postgres/support.hpp"

namespace strata::test {
namespace {

using testing::HasSubstr;

/// An authority, a certificate of `localhost` from it, and another authority.
class certificates {
 public:
  certificates() {
    make(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=authority "
        "-keyout ca.key -out ca.crt");
    make(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=stranger "
        "-keyout other.key -out other.crt");
    issue("server", "localhost");
    issue("client", postgres_server::user);
    std::filesystem::permissions(folder_.file(""), std::filesystem::perms(0755));
    postgres_server::give(folder_.file("server.key"));
    std::ofstream(folder_.file("hba")) << "hostssl all all 127.0.0.1/32 scram-sha-256\n";
    std::ofstream(folder_.file("hba_certificates")) << "hostssl all all 127.0.0.1/32 cert\n"
                                                       "hostssl all all ::1/128 cert\n";
  }
  std::string file(const std::string& name) const { return folder_.file(name); }

 private:
  void make(const std::string& command) const {
    const auto line = "cd '" + folder_.file("") + "' && " + command + " 2>log";
    if (std::system(line.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }
  void issue(const std::string& name, const std::string& who) const {
    make("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=" + who +
         " -keyout " + name + ".key -out " + name + ".csr");
    std::ofstream(file(name + ".ext")) << "subjectAltName=DNS:" << who << '\n';
    make("openssl x509 -req -days 2 -in " + name + ".csr -CA ca.crt -CAkey ca.key -set_serial 1 -extfile " +
         name + ".ext -out " + name + ".crt");
  }

  temporary_folder folder_;
};

postgres_server::settings over_tls(const certificates& with, const char* access) {
  return {{"ssl", "on"},
          {"ssl_cert_file", with.file("server.crt")},
          {"ssl_key_file", with.file("server.key")},
          {"ssl_ca_file", with.file("ca.crt")},
          {"hba_file", with.file(access)}};
}

class PostgresTls : public testing::Test {
 protected:
  /// As a client that knows the server by `host`.
  static postgres_options options(const postgres_server& to, const std::string& host) {
    return {.host = host,
            .port = to.port(),
            .database = "postgres",
            .user = postgres_server::user,
            .password = postgres_server::password};
  }
  certificates made;
};

TEST_F(PostgresTls, AServerIsTrustedForItsNameAndItsAuthority) {
  const postgres_server server(over_tls(made, "hba"));
  auto with = options(server, "localhost");
  with.sslmode = "verify-full";
  with.sslrootcert = made.file("ca.crt");
  const auto db = must_open(with);
  EXPECT_EQ(number(sync_wait(db->query("SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()", {}))),
            1);
  const std::string large(3u << 20, 'x');
  EXPECT_EQ(std::get<std::string>(sync_wait(db->query("SELECT $1::text", {large}))->row(0)[0]), large);
  run_loop loop;
  int finished = 0;
  for (std::int64_t i = 0; i < 500; ++i) {
    start(&loop, db->query("SELECT $1::bigint, repeat('y', 5000)", {i}), [&, i](auto outcome) {
      ++finished;
      EXPECT_EQ(number(*outcome), i);
    });
  }
  loop.run_until([&] { return finished == 500; });

  auto wrong_name = with;
  wrong_name.host = "127.0.0.1";
  const auto named = open_postgres(wrong_name);
  ASSERT_EQ(code_of(named), "database_unavailable");
  EXPECT_THAT(named.error().detail, HasSubstr("does not match host name"));

  auto stranger = with;
  stranger.sslrootcert = made.file("other.crt");
  const auto known = open_postgres(stranger);
  ASSERT_EQ(code_of(known), "database_unavailable");
  EXPECT_THAT(known.error().detail, HasSubstr("certificate verify failed"));

  auto bare = with;
  bare.sslmode = "disable";
  EXPECT_EQ(code_of(open_postgres(bare)), "database_unavailable");
}

TEST_F(PostgresTls, AClientIsKnownByItsCertificate) {
  const postgres_server server(over_tls(made, "hba_certificates"));
  auto with = options(server, "localhost");
  with.sslmode = "verify-full";
  with.sslrootcert = made.file("ca.crt");
  with.password = "";
  EXPECT_EQ(code_of(open_postgres(with)), "database_unavailable");
  with.sslcert = made.file("client.crt");
  with.sslkey = made.file("client.key");
  EXPECT_TRUE(sync_wait(must_open(with)->ping()));
}

}  // namespace
}  // namespace strata::test
