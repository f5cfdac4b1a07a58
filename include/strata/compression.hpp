#pragma once
/// Dictionaries: what small values of one kind have in common, so that each need not repeat it.
///
///   const auto learnt = strata::dictionary::train(samples);        // once, offline
///   const auto shared = std::make_shared<const strata::dictionary>(bytes_from_a_file);
///   const strata::entity<agent, "agent:{id}"> agents{{.dictionaries = {shared}}};
///
/// Values above 1 KiB are compressed without one too; with one, values from 64 bytes are, to
/// about half the size. docs/guide/compression.md tells how to roll a new one out.

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
  /// From the bytes that `train` or `zstd --train` made. Throws bad_options if they are no zstd
  /// dictionary, or one without an id.
  explicit dictionary(std::string bytes);
  ~dictionary();
  dictionary(const dictionary&) = delete;
  dictionary& operator=(const dictionary&) = delete;

  /// Learns a dictionary of at most `size` from `samples`: encoded values of one entity, best some
  /// thousands, together a hundred times `size`.
  /// Returns:  the dictionary's bytes, to be kept in a file
  /// Errors:   invalid_argument if there is too little to learn from
  /// Cost:     seconds; not while serving
  static result<std::string> train(std::span<const std::string> samples, byte_size size = {16u << 10});

  /// What a compressed value names it by; never 0.
  std::uint32_t id() const noexcept;
  std::string_view bytes() const noexcept;

  const detail::prepared_dictionary& prepared() const noexcept { return *prepared_; }

 private:
  std::unique_ptr<detail::prepared_dictionary> prepared_;
};

}  // namespace strata
