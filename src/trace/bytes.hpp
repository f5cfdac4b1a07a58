#pragma once
/// The bytes of a trace: a file, decompressed if it is gzip.
/// Threads: one.

#include <strata/error.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace strata::detail {

class byte_source {
 public:
  virtual ~byte_source() = default;
  /// Reads the next bytes to the front of `into`. Returns how many; 0 at the end.
  /// Requires: `into` is not empty.
  /// Errors:   invalid_argument with the problem; the caller adds the place.
  virtual result<std::size_t> read(std::span<char> into) = 0;
};

class file_bytes final : public byte_source {
 public:
  /// Errors: invalid_argument with the reason why the file cannot be read.
  static result<std::unique_ptr<file_bytes>> open(const std::filesystem::path& file);
  ~file_bytes() override;
  file_bytes(const file_bytes&) = delete;
  file_bytes& operator=(const file_bytes&) = delete;

  result<std::size_t> read(std::span<char> into) override;

  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t size() const noexcept { return size_; }

 private:
  file_bytes(int file, std::uint64_t size) : file_(file), size_(size) {}

  int file_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
};

/// The bytes of `from`, decompressed if they begin as gzip does (RFC 1952); it may have several members.
class unzipped_bytes final : public byte_source {
 public:
  /// `from` outlives it.
  explicit unzipped_bytes(byte_source& from);
  ~unzipped_bytes() override;
  unzipped_bytes(const unzipped_bytes&) = delete;
  unzipped_bytes& operator=(const unzipped_bytes&) = delete;

  result<std::size_t> read(std::span<char> into) override;

 private:
  struct inflating;

  result<void> begin();
  result<void> more();
  result<std::size_t> plain(std::span<char> into);

  byte_source& from_;
  std::unique_ptr<char[]> held_;
  std::span<char> unread_;  ///< of held_
  std::unique_ptr<inflating> zip_;
  bool begun_ = false;
};

}  // namespace strata::detail
