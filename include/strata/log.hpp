#pragma once
/// Lines for an operator, as stores, relays and feeds report them.
/// Threads: values.

#include <functional>
#include <string_view>

namespace strata {

/// `info` is normal: connected, leads, working again. `warning` is a fault that the library survives.
enum class log_level { debug, info, warning, error };

/// Receives one line without its end. Called from any thread; must neither block nor throw.
using log_function = std::function<void(log_level level, std::string_view line)>;

}  // namespace strata
