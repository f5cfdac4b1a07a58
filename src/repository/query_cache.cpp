#include <strata/query_cache.hpp>

#include "core/entry_format.hpp"
#include "core/option_problems.hpp"
#include "repository/query_text.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace strata::detail {

namespace {

/// 128 bits of BLAKE2b as hexadecimal digits. Parameters come from outside, and an attacker must not find
/// two that share a key.
class digest {
 public:
  digest() { crypto_generichash_init(&state_, nullptr, 0, size); }

  void add(std::string_view bytes) {
    add_number(bytes.size());
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  }
  void add_number(std::uint64_t number) {
    std::array<unsigned char, 8> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(number >> 8 * i);
    crypto_generichash_update(&state_, bytes.data(), bytes.size());
  }
  void append_to(std::string& out) {
    std::array<unsigned char, size> bytes;
    crypto_generichash_final(&state_, bytes.data(), bytes.size());
    for (const auto each : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", each);
  }

 private:
  static constexpr std::size_t size = 16;
  crypto_generichash_state state_;
};

sql_dialect dialect_of(const database& source) {
  return source.dialect() == "postgres" ? sql_dialect::postgres : sql_dialect::sqlite;
}

}  // namespace

std::shared_ptr<const prepared_query> prepare_query(database& source, std::string_view name,
                                                    std::string_view statement,
                                                    const std::vector<std::string>& columns,
                                                    query_options options) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be initialised");
  option_problems problems;
  const auto text = normalized_query(statement, dialect_of(source));
  if (!text) problems.add(fmt::format("query statement: {} (in: {:.120})", text.error().detail, statement));
  if (options.tables.empty() && options.policy.tags.empty()) {
    problems.add("query tables: name every table that the statement reads");
  }
  for (const auto& each : options.tables) {
    if (each.empty()) problems.add("query tables: a table's name is empty");
    auto tag = table_tag(each);
    options.policy.tags.push_back(std::move(tag));
  }
  if (options.policy.tags.size() > max_entry_tags) {
    problems.add(fmt::format("query tables: {} tables and tags at most", max_entry_tags));
  }
  if (options.max_rows == 0) problems.add("query max_rows: must be at least 1");
  for (auto& each : strata::problems(options.policy)) problems.add("query " + std::move(each));
  problems.throw_if_any();

  digest of;
  of.add(name);
  of.add(*text);
  for (const auto& each : columns) of.add(each);
  std::string prefix = "query:";
  of.append_to(prefix);
  return std::make_shared<const prepared_query>(
      prepared_query{.source = &source,
                     .statement = std::string(statement),
                     .prefix = std::move(prefix),
                     .policy = std::make_shared<const strata::policy>(std::move(options.policy)),
                     .type = cache_type::named("query"),
                     .max_rows = options.max_rows});
}

key query_key(const prepared_query& of, const sql_parameters& parameters) {
  digest hash;
  for (const auto& each : parameters) {
    hash.add_number(each.index());
    if (const auto* integer = std::get_if<std::int64_t>(&each)) {
      hash.add_number(static_cast<std::uint64_t>(*integer));
    } else if (const auto* real = std::get_if<double>(&each)) {
      hash.add_number(std::bit_cast<std::uint64_t>(*real));
    } else if (const auto* text = std::get_if<std::string>(&each)) {
      hash.add(*text);
    }
  }
  std::string out;
  out.reserve(of.prefix.size() + 33);
  out += of.prefix;
  out += ':';
  hash.append_to(out);
  return key(std::move(out));
}

}  // namespace strata::detail
