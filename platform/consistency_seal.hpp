#pragma once
/// Seals consistency tokens: a client can neither invent one, which would cost the gateway a read of the
/// source for each of its requests, nor read the clock in it, which counts the writes of all organizations.
///
/// The key is in the database, which all gateways share, so that each opens the others' tokens.
/// Threads: internally locked.

#include <strata/consistency_token.hpp>
#include <strata/database.hpp>
#include <strata/error.hpp>
#include <strata/task.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace strata::platform {

class consistency_seal {
 public:
  /// A key that only this process has.
  consistency_seal();
  ~consistency_seal();
  consistency_seal(const consistency_seal&) = delete;
  consistency_seal& operator=(const consistency_seal&) = delete;

  /// The migration's script: the table `gateway_keys`.
  static std::string_view schema() noexcept;

  /// Takes the key from the database; the first gateway writes it there.
  /// Requires: no other member runs.   Errors: those of the database; the key is then unchanged.
  strata::task<strata::result<void>> load(strata::database& from);

  /// `token` as 76 characters of base64url, fit for a cookie and a header field.
  std::string seal(const strata::consistency_token& token) const;

  /// Reads the text of `seal`. Returns nothing for any other text.
  std::optional<strata::consistency_token> open(std::string_view text) const;

 private:
  std::array<unsigned char, 32> key_{};
};

}  // namespace strata::platform
