/// Whatever a trace file holds, plain or gzip, it is read to its end or to an error that names a
/// line, the same in any pieces, and what was read can be replayed.

#include "trace/lines.hpp"
#include "trace/test_support.hpp"

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

struct outcome {
  std::vector<strata::trace_request> requests;
  std::string problem;
};

outcome read(std::string_view input, std::size_t piece) {
  strata::detail::text_bytes raw(input, piece);
  strata::detail::unzipped_bytes bytes(raw);
  strata::detail::trace_lines lines(bytes);
  outcome out;
  strata::trace_request each;
  auto more = lines.next(each);
  for (; more && *more && out.requests.size() < 10'000; more = lines.next(each)) out.requests.push_back(each);
  if (!more) out.problem = more.error().detail;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto whole = read(input, input.size() + 1);
  const auto pieces = read(input, 3);
  if (whole.problem != pieces.problem || whole.requests.size() != pieces.requests.size()) std::abort();
  if (whole.problem.size() > 300) std::abort();

  strata::trace_replay memory({.size = {1u << 16}});
  strata::trace_replay bare({.size = {1000}, .counts = strata::replay_counts::capacity});
  for (const auto& each : whole.requests) {
    if (each.key.empty() || each.time < strata::duration::zero() || each.ttl < strata::duration::zero()) {
      std::abort();
    }
    memory.add(each);
    bare.add(each);
  }
  if (memory.result().used.count > 1u << 16 || bare.result().used.count > 1000) std::abort();
  return 0;
}
