#pragma once
/// Compression dictionaries: the text that small values of one kind share, so that no value repeats it.
///
///   const auto learnt = strata::dictionary::train(samples);        // once, offline
///   const auto shared = std::make_shared<const strata::dictionary>(bytes_from_a_file);
///   const strata::entity<agent, "agent:{id}"> agents{{.dictionaries = {shared}}};
///
/// Values above 1 KiB are compressed without a dictionary too. With one, values of 64 bytes and more are,
/// to about half the size. docs/guide/compression.md explains how to roll out a new one.

#include <strata/error.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace strata {

namespace detail {
struct prepared_dictionary;
}

/// A trained zstd dictionary, prepared for reading and writing.
/// Threads: immutable.
class dictionary {
 public:
  /// Takes the bytes that `train` or `zstd --train` returned. Throws bad_options if they are not a zstd
  /// dictionary with an id.
  explicit dictionary(std::string bytes);
  ~dictionary();
  dictionary(const dictionary&) = delete;
  dictionary& operator=(const dictionary&) = delete;

  /// Learns a dictionary of at most `size` from `samples`: encoded values of one entity. Best are several
  /// thousand, together a hundred times `size`.
  /// Returns:  the dictionary's bytes; keep them in a file
  /// Errors:   invalid_argument if there is too little to learn from
  /// Cost:     seconds; not while serving
  static result<std::string> train(std::span<const std::string> samples, byte_size size = {16u << 10});

  /// The number by which a compressed value names its dictionary; never 0.
  std::uint32_t id() const noexcept;
  std::string_view bytes() const noexcept;

  const detail::prepared_dictionary& prepared() const noexcept { return *prepared_; }

 private:
  std::unique_ptr<detail::prepared_dictionary> prepared_;
};

}  // namespace strata
