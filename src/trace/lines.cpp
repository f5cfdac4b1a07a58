#include "trace/lines.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace strata::detail {

namespace {

constexpr std::size_t buffer = 1u << 16;
constexpr std::uint64_t largest_size = std::uint64_t{1} << 40;
constexpr std::uint64_t most_in_all = std::uint64_t{1} << 60;
constexpr double most_seconds = 4e9;  // over a century; two of them still fit into a duration

/// `text` for a message: short and without control characters.
std::string shown(std::string_view text) {
  constexpr std::size_t most = 40;
  std::string out = "\"";
  for (const char each : text.substr(0, most)) out += each >= ' ' && each <= '~' && each != '"' ? each : '?';
  if (text.size() > most) out += "…";
  return out + '"';
}

std::optional<std::string> read_seconds(std::string_view text, std::string_view what, duration& into) {
  double seconds = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (problem == std::errc::result_out_of_range) {
    // Too small counts as 0; too large is caught below.
    seconds = text.contains('-') ? 0 : most_seconds * 2;
  } else if (problem != std::errc() || end != text.data() + text.size() || !std::isfinite(seconds)) {
    return fmt::format("{} {} is not a number of seconds", what, shown(text));
  }
  if (seconds < 0) return fmt::format("{} {} is negative", what, shown(text));
  if (seconds > most_seconds) {
    return fmt::format("{} {} is more than {:.0f} s; is it in other units than seconds?", what, shown(text),
                       most_seconds);
  }
  into = duration(std::llround(seconds * 1e9));
  return std::nullopt;
}

std::optional<std::string> read_size(std::string_view text, std::uint64_t& into) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), into);
  const bool digits = !text.empty() && end == text.data() + text.size();
  if (problem == std::errc::result_out_of_range || (digits && into > largest_size)) {
    return fmt::format("size {} is more than 1 TiB; a size is in bytes", shown(text));
  }
  if (problem != std::errc() || !digits) return fmt::format("size {} is not a whole number", shown(text));
  return std::nullopt;
}

}  // namespace

std::optional<std::string> parse_trace_line(std::string_view line, trace_request& into) {
  std::string_view fields[4];
  std::size_t count = 0;
  for (std::size_t begin = 0; begin <= line.size(); ++count) {
    if (count == std::size(fields)) return "there are more than four fields";
    const auto comma = std::min(line.find(',', begin), line.size());
    fields[count] = line.substr(begin, comma - begin);
    begin = comma + 1;
  }
  if (line.empty()) return "the line is empty";
  if (count == 1) return fmt::format("{} is one field", shown(line));
  if (auto problem = read_seconds(fields[0], "time", into.time)) return problem;
  if (fields[1].empty()) return "the key is empty";
  into.key.assign(fields[1]);
  into.size = {1};
  if (count > 2) {
    if (auto problem = read_size(fields[2], into.size.count)) return problem;
  }
  into.ttl = duration::zero();
  return fields[3].empty() ? std::nullopt : read_seconds(fields[3], "ttl", into.ttl);
}

trace_lines::trace_lines(byte_source& from)
    : from_(from), held_(std::make_unique_for_overwrite<char[]>(buffer)) {
}

std::unexpected<error> trace_lines::wrong(std::string_view what) {
  failed_ = error{errc::invalid_argument,
                  fmt::format("{}: {}; a line of a trace is time,key[,size[,ttl]]", number_, what)};
  return std::unexpected(*failed_);
}

result<std::optional<std::string_view>> trace_lines::line() {
  std::size_t searched = 0;
  while (true) {
    const char* const from = held_.get() + begin_;
    const std::size_t have = end_ - begin_;
    const auto* feed = static_cast<const char*>(std::memchr(from + searched, '\n', have - searched));
    const std::size_t length = feed != nullptr ? static_cast<std::size_t>(feed - from) : have;
    if (length > longest_trace_line) {
      ++number_;
      return wrong(fmt::format("the line is longer than {} bytes", longest_trace_line));
    }
    if (feed != nullptr) {
      begin_ += length + 1;
      ++number_;
      return std::string_view(from, length);
    }
    searched = have;
    std::memmove(held_.get(), from, have);
    begin_ = 0;
    end_ = have;
    const auto got = from_.read({held_.get() + end_, buffer - end_});
    if (!got) {
      failed_ = error{got.error().code, fmt::format(" after line {}: {}", number_, got.error().detail)};
      return std::unexpected(*failed_);
    }
    end_ += *got;
    if (*got > 0) continue;
    if (have == 0) return std::nullopt;
    begin_ = end_;
    ++number_;
    return std::string_view(held_.get(), have);
  }
}

result<bool> trace_lines::next(trace_request& into) {
  if (failed_) return std::unexpected(*failed_);
  auto found = line();
  if (found && *found && number_ == 1 && (*found)->starts_with("time,")) found = line();
  if (!found) return std::unexpected(found.error());
  if (!*found) return false;
  auto text = **found;
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (const auto problem = parse_trace_line(text, into)) return wrong(*problem);
  total_ += into.size.count;
  if (total_ > most_in_all) return wrong("all sizes together are more than 1 EiB");
  return true;
}

}  // namespace strata::detail
