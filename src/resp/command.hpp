#pragma once
/// Commands as the bytes a server reads: arrays of bulk strings, binary safe.
/// Threads: values.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace strata::resp {

template <class T>
concept whole_number = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

/// Several commands in one buffer, sent in one piece and answered in order.
///
///   pipeline batch;
///   batch.add("ASKING");
///   batch.add("GET").arg(key);
class pipeline {
 public:
  pipeline() = default;

  /// Starts a command. `name` is split at spaces: add("CLIENT TRACKING") is a command and its first argument.
  /// Requires: not empty.
  pipeline& add(std::string_view name);
  /// Appends a whole pipeline, or a command.
  pipeline& add(const pipeline& more);

  /// Appends an argument to the last command: any bytes.
  pipeline& arg(std::string_view bytes);
  template <whole_number T>
  pipeline& arg(T number) {
    if constexpr (std::is_signed_v<T>) {
      return arg_number(static_cast<std::int64_t>(number));
    } else {
      return arg_number(static_cast<std::uint64_t>(number));
    }
  }

  /// Reserves room for `bytes` more.
  void reserve(std::size_t bytes) { bytes_.reserve(bytes_.size() + bytes); }

  bool empty() const noexcept { return commands_ == 0; }
  /// The number of commands, which is the number of replies.
  std::size_t size() const noexcept { return commands_; }
  /// The wire format of all of them.
  const std::string& bytes() const noexcept { return bytes_; }

  /// SUBSCRIBE and similar commands have no reply: one push for each channel confirms them.
  struct confirmation {
    std::size_t command = 0;  ///< its index
    std::size_t pushes = 0;   ///< the number that confirm it
    std::string_view push;    ///< their first item, e.g. "subscribe"; static
    friend bool operator==(confirmation, confirmation) = default;
  };
  const std::vector<confirmation>& confirmed() const noexcept { return confirmed_; }

 private:
  pipeline& arg_number(std::int64_t number);
  pipeline& arg_number(std::uint64_t number);
  void bulk(std::string_view bytes);
  void count_argument();

  std::string bytes_;
  std::size_t last_ = 0;       ///< where the last command begins in bytes_
  std::size_t arguments_ = 0;  ///< of the last command, its name included
  std::size_t commands_ = 0;
  std::vector<confirmation> confirmed_;
};

/// One command: `command("SET").arg(key).arg(bytes)`.
class command {
 public:
  /// See `pipeline::add`.
  explicit command(std::string_view name) { encoded_.add(name); }

  command& arg(std::string_view bytes) & {
    encoded_.arg(bytes);
    return *this;
  }
  command&& arg(std::string_view bytes) && { return std::move(arg(bytes)); }
  template <whole_number T>
  command& arg(T number) & {
    encoded_.arg(number);
    return *this;
  }
  template <whole_number T>
  command&& arg(T number) && {
    return std::move(arg(number));
  }

  const std::string& bytes() const noexcept { return encoded_.bytes(); }

  operator const pipeline&() const& noexcept { return encoded_; }  // NOLINT: a command is a pipeline of one
  operator pipeline() && noexcept { return std::move(encoded_); }  // NOLINT

 private:
  pipeline encoded_;
};

}  // namespace strata::resp
