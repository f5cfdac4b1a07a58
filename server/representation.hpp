#pragma once
/// A resource as it is sent: rendered once and shared by every response.
/// Threads: logically immutable; any thread makes an encoded form, once, on first use.

#include <strata/time.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata::server {

/// Text that lives as long as the program: it converts from a string literal only.
struct static_text {
  std::string_view text;
  constexpr static_text() = default;
  template <std::size_t N>
  consteval static_text(const char (&literal)[N]) : text(literal, N - 1) {}  // NOLINT: implicit on purpose
};

enum class content_coding : std::uint8_t { identity, gzip, zstd };
inline constexpr std::size_t content_codings = 3;

/// What Last-Modified is good for.
enum class date_use : std::uint8_t {
  everything,
  /// If-Unmodified-Since only: a writer may leave the date as it is, so that no 304 may rely on it.
  writes,
};

/// A body with its type and validators. Keep it in a cache beside the value that it renders, or instead of
/// it: then neither rendering nor compressing is repeated. Cost: one allocation, one copy of the body; an
/// encoded form on first demand.
class representation {
 public:
  /// `etag` is an entity tag with its quotes, strong (`"v7"`) or weak (`W/"v7"`), or empty.
  /// An encoded form has a tag of its own: `"v7-gz"`, `"v7-zs"`.
  /// Throws std::invalid_argument if `etag` is malformed.
  representation(std::string_view body, static_text content_type, std::string_view etag = {},
                 std::optional<wall_time> last_modified = {}, date_use use = date_use::everything);
  ~representation();
  representation(representation&& other) noexcept;
  representation& operator=(representation&&) = delete;

  std::string_view body() const noexcept { return identity_.body(); }
  std::string_view content_type() const noexcept { return content_type_; }
  /// The tag of the identity form; empty if there is none.
  std::string_view etag() const noexcept { return identity_.etag(); }
  std::optional<wall_time> last_modified() const noexcept { return last_modified_; }
  date_use dated_for() const noexcept { return date_use_; }

  /// Bytes held, with the encoded forms made so far: the size that a cache should count.
  std::size_t bytes() const noexcept;

  /// One form, ready to be sent. It is one block, so that sending a form that is in no CPU cache waits for
  /// memory as seldom as possible.
  class form {
   public:
    /// Last-Modified if `dated`, Content-Type, -Length, -Encoding, ETag, Vary as field lines, and the empty
    /// line that ends a head.
    std::string_view fields(bool dated) const noexcept {
      const auto from = dated ? 0 : undated_at_;
      return std::string_view(wire_).substr(from, body_at_ - from);
    }
    std::string_view body() const noexcept { return std::string_view(wire_).substr(body_at_); }
    std::string_view etag() const noexcept { return std::string_view(wire_).substr(etag_at_, etag_size_); }

   private:
    friend class representation;
    std::string wire_;
    std::size_t undated_at_ = 0;  // behind Last-Modified
    std::size_t body_at_ = 0;
    std::size_t etag_at_ = 0;
    std::size_t etag_size_ = 0;
  };
  const form& identity() const noexcept { return identity_; }

  /// True if other codings than identity are offered: the body is at least 1 KiB of a
  /// compressible type.
  bool encodable() const noexcept { return encodable_; }

  /// The form in `coding`, made on first use. Null if encoding would not make it smaller.
  const form* encoded(content_coding coding) const;
  /// Makes every form at once, as small as the codings can: for what is made once and sent for long.
  void precompress() const;

 private:
  const form* keep(content_coding coding, std::optional<std::string> encoded) const;
  form compose(std::string_view body, std::string_view etag, content_coding coding) const;

  std::string_view content_type_;
  std::optional<wall_time> last_modified_;
  date_use date_use_ = date_use::everything;
  bool encodable_ = false;
  form identity_;
  mutable std::array<std::atomic<const form*>, content_codings> encoded_{};
};

}  // namespace strata::server
