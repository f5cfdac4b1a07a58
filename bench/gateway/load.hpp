#pragma once
/// Load by wrk, and what it cost the server.

#include <string>
#include <vector>

#include <sys/types.h>

namespace bench {

struct load_options {
  int core = 1;  ///< where wrk runs; the server is on the other
  int connections = 32;
  int seconds = 4;
};

struct load {
  std::string origin;                ///< http://127.0.0.1:PORT
  std::vector<std::string> targets;  ///< one, or many chosen from at random
  std::vector<std::string> fields;   ///< "Name: value"
  int status = 200;                  ///< any other answer is an error
};

struct cost {
  double microseconds = 0;  ///< server CPU a request
  double requests_per_second = 0;
  std::string error;  ///< why this cost means nothing; empty: it does
};

/// Runs wrk once against the server `pid`.
cost measure(const load& what, pid_t server, const load_options& options);

}  // namespace bench
