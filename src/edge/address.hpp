#pragma once
/// Parts of the URLs that edges are called with, and what their clients share.
/// Threads: pure functions.

#include <strata/edge.hpp>

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace strata::edge_detail {

/// "www.example.org" and "/a?b" of "https://www.example.org/a?b". The path is never empty.
struct address {
  std::string_view host;
  std::string path;
};
inline address split(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  const auto slash = url.find('/');
  if (slash == std::string_view::npos) return {url, "/"};
  return {url.substr(0, slash), std::string(url.substr(slash))};
}

/// `url` without its scheme, as Cloudflare's prefixes and Fastly's URLs are written.
inline std::string_view without_scheme(std::string_view url) {
  const auto scheme = url.find("://");
  return scheme == std::string_view::npos ? url : url.substr(scheme + 3);
}

inline std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

/// Adds a problem unless `url` is that of a server.
inline void check_url(std::string_view what, const std::string& url, std::vector<std::string>& problems) {
  const auto problem = problem_of({.kind = edge_purge_kind::url, .value = url});
  if (!problem.empty()) problems.push_back(std::string(what) + " must be http://HOST… or https://HOST…");
}

/// Adds a problem unless `text` can stand in a path or a field.
inline void check_word(std::string_view what, std::string_view text, std::vector<std::string>& problems) {
  if (text.empty()) problems.push_back(std::string(what) + " is missing");
  for (const char c : text) {
    if (c > ' ' && c < '\x7f') continue;
    problems.push_back(std::string(what) + " holds a space, a control character or one outside ASCII");
    return;
  }
}

/// Retry-After in seconds; a date, or none, is 0.
inline duration retry_after_of(const edge_response& answer) {
  const auto text = answer.field("retry-after");
  unsigned seconds = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (status != std::errc() || end != text.data() + text.size() || seconds > 3600) return {};
  return std::chrono::seconds(seconds);
}

/// `text` without `secret`, cut to a line's length.
inline std::string masked(std::string text, std::string_view secret) {
  for (auto at = secret.empty() ? std::string::npos : text.find(secret); at != std::string::npos;
       at = text.find(secret, at)) {
    text.replace(at, secret.size(), "***");
  }
  constexpr std::size_t longest = 300;
  if (text.size() > longest) text.resize(longest);
  for (char& each : text) {
    if (static_cast<unsigned char>(each) < ' ') each = ' ';
  }
  return text;
}

/// Whether the edge has answered with `status`.
inline bool answered(const edge_response& answer, int status) {
  return answer.trouble.empty() && answer.status == status;
}

/// How a call of an edge failed.
struct failed_call {
  std::string_view edge;         ///< its name
  std::string_view detail = {};  ///< what it says of the failure
  std::string_view remedy = {};  ///< what to do, after "; "
  std::string_view secret = {};  ///< never shown
};
/// The outcome of a call that the edge did not answer, or with a status that is no success.
inline edge_outcome failure_of(const edge_response& answer, const failed_call& how) {
  const std::string edge(how.edge);
  if (!answer.trouble.empty()) return {.trouble = masked(edge + ": " + answer.trouble, how.secret)};
  auto text = edge + " answered " + std::to_string(answer.status);
  if (!how.detail.empty()) text.append(": ").append(how.detail);
  return {.trouble = masked(text.append(how.remedy), how.secret), .retry_after = retry_after_of(answer)};
}

/// The encoded tags, or the values themselves.
inline std::vector<std::string> sent_values(const edge_batch& what) {
  if (what.kind != edge_purge_kind::tag) return what.values;
  std::vector<std::string> out;
  out.reserve(what.values.size());
  for (const auto& each : what.values) out.push_back(edge_tag(each));
  return out;
}

/// "a b c"
inline std::string joined(const std::vector<std::string>& values, std::string_view between) {
  std::string out;
  for (const auto& each : values) {
    if (!out.empty()) out += between;
    out += each;
  }
  return out;
}

}  // namespace strata::edge_detail
