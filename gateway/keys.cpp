#include "gateway/keys.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

namespace strata::gateway {

namespace {

constexpr std::size_t largest_file = 16u << 10;  // a ring's 64 keys, with room for comments

/// Text that is wiped when it is no longer needed.
struct secret_text {
  std::string text;

  secret_text() = default;
  secret_text(secret_text&&) = default;
  secret_text& operator=(secret_text&&) = delete;
  ~secret_text() { ::explicit_bzero(text.data(), text.size()); }
};

class descriptor {
 public:
  explicit descriptor(int number) : number_(number) {}
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  explicit operator bool() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  int number_;
};

std::unexpected<error> failed(const std::string& file, std::string_view what, int why = errno) {
  return fail(errc::invalid_argument,
              fmt::format("{} {}: {}", file, what, std::error_code(why, std::generic_category()).message()));
}

/// The content of a key file. The file that is checked is the file that is read.
result<secret_text> read_keys(const std::string& file) {
  const descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!in) return failed(file, "cannot be read");
  struct stat about{};
  if (::fstat(in.number(), &about) != 0) return failed(file, "cannot be read");
  if (!S_ISREG(about.st_mode)) return fail(errc::invalid_argument, file + " is not a regular file");
  if ((about.st_mode & 077) != 0) {
    return fail(errc::invalid_argument,
                fmt::format("{} is accessible to others than its owner (mode {:03o}); chmod 600 {}", file,
                            about.st_mode & 0777, file));
  }
  secret_text out;
  out.text.resize(largest_file + 1);
  std::size_t size = 0;
  while (size < out.text.size()) {
    const auto got = ::read(in.number(), out.text.data() + size, out.text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(file, "cannot be read");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > largest_file) return fail(errc::too_large, file + " is larger than 16 KiB");
  out.text.resize(size);
  return out;
}

/// `text` without its comments, which begin with `#`.
secret_text without_comments(std::string_view text) {
  secret_text out;
  out.text.reserve(text.size() + 1);
  bool comment = false;
  for (const char c : text) {
    if (c == '#') comment = true;
    if (c == '\n') comment = false;
    if (!comment) out.text += c;
  }
  return out;
}

result<std::shared_ptr<key_ring>> ring_of(std::string_view text, const std::string& source) {
  try {
    return std::make_shared<key_ring>(without_comments(text).text);
  } catch (const bad_options& refused) {
    return fail(errc::invalid_argument, fmt::format("{}: {}", source, fmt::join(refused.problems(), "; ")));
  }
}

/// Replaces `file` by `text` atomically; only its owner may read it.
result<void> replace(const std::string& file, std::string_view text) {
  const auto beside = file + ".new";
  {
    const descriptor out(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!out) return failed(beside, "cannot be written");
    while (!text.empty()) {
      const auto put = ::write(out.number(), text.data(), text.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) {
        const int why = errno;
        ::unlink(beside.c_str());
        return failed(beside, "cannot be written", why);
      }
      text.remove_prefix(static_cast<std::size_t>(put));
    }
    ::fsync(out.number());
  }
  if (::rename(beside.c_str(), file.c_str()) == 0) return {};
  const int why = errno;
  ::unlink(beside.c_str());
  return failed(file, "cannot be replaced", why);
}

}  // namespace

result<std::shared_ptr<key_ring>> open_keys(const encryption_config& from) {
  if (from.keys_file.empty() && from.keys.empty()) return std::shared_ptr<key_ring>();
  result<std::shared_ptr<key_ring>> ring;
  if (!from.keys_file.empty()) {
    const auto text = read_keys(from.keys_file);
    if (!text) return fail(text.error().code, "encryption.keys_file: " + text.error().detail);
    ring = ring_of(text->text, "encryption.keys_file: " + from.keys_file);
  } else {
    ring = ring_of(from.keys, "encryption.keys");
  }
  if (!ring) return std::unexpected(std::move(ring.error()));
  try {
    if (from.active != 0) (*ring)->activate(from.active);
  } catch (const bad_options& refused) {
    return fail(errc::invalid_argument, "encryption.active: " + refused.problems().front());
  }
  return *ring;
}

std::string demo_keys_file(const std::string& database) {
  constexpr std::string_view scheme = "sqlite:";
  if (!database.starts_with(scheme)) return "strata.keys";
  return database.substr(scheme.size()) + ".keys";
}

bool has_demo_keys(const std::string& file) {
  return ::access(file.c_str(), F_OK) == 0;
}

result<std::shared_ptr<key_ring>> open_demo_keys(const std::string& file) {
  if (!has_demo_keys(file)) {
    // Another gateway may do the same at this moment: the link succeeds for one of them.
    const auto own = fmt::format("{}.{}", file, ::getpid());
    ::unlink(own.c_str());
    if (auto made = add_key(own, 1); !made) return std::unexpected(std::move(made.error()));
    const int linked = ::link(own.c_str(), file.c_str());
    const int why = errno;
    ::unlink(own.c_str());
    if (linked != 0 && why != EEXIST) return failed(file, "cannot be written", why);
  }
  return open_keys({.keys_file = file, .keys = {}, .active = 0});
}

result<reloaded_keys> reload_keys(const encryption_config& from, key_ring& ring) {
  reloaded_keys out{.added = {}, .missing = {}, .active = ring.active()};
  auto now = open_keys(from);
  if (!now) return std::unexpected(std::move(now.error()));
  if (*now == nullptr) return out;
  const auto wanted = (*now)->ids();
  const auto held = ring.ids();
  for (const auto id : wanted) {
    if (std::ranges::find(held, id) != held.end()) {
      if (ring.has_same(**now, id)) continue;
      return fail(errc::invalid_argument,
                  fmt::format("key {} is another one than before; give a new key a new id", id));
    }
    out.added.push_back(id);
  }
  for (const auto id : held) {
    if (std::ranges::find(wanted, id) == wanted.end()) out.missing.push_back(id);
  }
  if (held.size() + out.added.size() > key_ring::max_keys) {
    return fail(errc::too_large, fmt::format("a ring holds {} keys, those included that are no longer "
                                             "configured; restart the gateway",
                                             key_ring::max_keys));
  }
  for (const auto id : out.added) ring.add_from(**now, id);
  ring.activate((*now)->active());
  out.active = ring.active();
  return out;
}

result<std::vector<std::uint32_t>> key_ids(const std::string& file) {
  const auto text = read_keys(file);
  if (!text) return std::unexpected(text.error());
  const auto ring = ring_of(text->text, file);
  if (!ring) return std::unexpected(ring.error());
  return (*ring)->ids();
}

result<void> remove_key(const std::string& file, std::uint32_t id) {
  auto held = read_keys(file);
  if (!held) return std::unexpected(std::move(held.error()));
  const auto ring = ring_of(held->text, file);
  if (!ring) return std::unexpected(ring.error());
  const auto ids = (*ring)->ids();
  if (std::ranges::find(ids, id) == ids.end()) {
    return fail(errc::invalid_argument, fmt::format("{} has no key {}", file, id));
  }
  if (ids.front() == id) {
    return fail(
        errc::invalid_argument,
        fmt::format("key {} is the first of {}, which encrypts; add a key and move it to the first line "
                    "before",
                    id, file));
  }
  secret_text kept;
  kept.text.reserve(held->text.size());
  const auto opening = fmt::format("{}:", id);
  for (std::string_view rest = held->text; !rest.empty();) {
    const auto line = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
    rest.remove_prefix(line.size());
    const auto begin = line.find_first_not_of(" \t,");
    const auto words = begin == std::string_view::npos ? std::string_view() : line.substr(begin);
    const auto after = words.substr(std::min(words.size(), words.find_first_of(" \t,#\r\n")));
    const auto next = after.find_first_not_of(" \t,\r\n");
    if (!words.starts_with(opening)) {
      kept.text += line;
    } else if (next != std::string_view::npos && after[next] != '#') {
      return fail(errc::invalid_argument,
                  fmt::format("{}: the line of key {} holds more than that key; write one a line", file, id));
    }
  }
  const auto left = ring_of(kept.text, file);
  if (!left) return std::unexpected(left.error());
  if ((*left)->ids().size() + 1 != ids.size()) {
    return fail(errc::invalid_argument, fmt::format("{} must hold one key a line", file));
  }
  return replace(file, kept.text);
}

std::string key_line(std::uint32_t id) {
  return fmt::format("{}:{}", id, key_ring::generate());
}

result<std::uint32_t> add_key(const std::string& file, std::uint32_t id) {
  const bool exists = ::access(file.c_str(), F_OK) == 0;
  secret_text content;
  std::uint32_t largest = 0;
  if (exists) {
    auto held = read_keys(file);
    if (!held) return std::unexpected(std::move(held.error()));
    const auto ring = ring_of(held->text, file);
    if (!ring) return std::unexpected(ring.error());
    const auto ids = (*ring)->ids();
    largest = std::ranges::max(ids);
    if (id != 0 && std::ranges::find(ids, id) != ids.end()) {
      return fail(errc::invalid_argument, fmt::format("{} already has a key {}", file, id));
    }
    if (ids.size() == key_ring::max_keys) {
      return fail(errc::too_large, fmt::format("{} holds {} keys; remove old ones", file, ids.size()));
    }
    content.text.reserve(held->text.size() + 64);
    content.text = held->text;
    if (!content.text.ends_with('\n')) content.text += '\n';
  }
  if (id == 0 && largest == UINT32_MAX)
    return fail(errc::too_large, file + ": its largest id has no successor; give an --id");
  if (id == 0) id = largest + 1;
  secret_text line;
  line.text = key_line(id) + '\n';
  content.text += line.text;
  if (auto done = replace(file, content.text); !done) return std::unexpected(std::move(done.error()));
  return id;
}

}  // namespace strata::gateway
