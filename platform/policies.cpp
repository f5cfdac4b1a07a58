#include "platform/policies.hpp"

namespace platform {

using namespace std::chrono_literals;

policy_table default_policies() {
  return {
      // clang-format off
      // name                key                                               policy
      {"user",               /* user:{id}                                   */ {.ttl = 1h}},
      {"user_permissions",   /* user:{id}:permissions                       */ {.ttl = 5min}},
      {"user_settings",      /* user:{id}:settings                          */ {.ttl = 1h}},
      {"agent",              /* agent:{id}                                  */ {.ttl = 30min}},
      {"agent_config",       /* agent:{id}:config                           */ {.ttl = 30min}},
      {"agent_tools",        /* agent:{id}:tools                            */ {.ttl = 30min}},
      {"organization",       /* org:{id}                                    */ {.ttl = 1h}},
      {"listing",            /* listing:{id}                                */ {.ttl = 30min}},
      {"agent_list",         /* api:agents:list:{organization}:page_{n}:…   */ {.ttl = 1min, .max_size = {4u << 20}}},
      {"listing_list",       /* api:listings:list:page_{n}:…                */ {.ttl = 1min, .max_size = {4u << 20}}},
      // clang-format on
  };
}

}  // namespace platform
