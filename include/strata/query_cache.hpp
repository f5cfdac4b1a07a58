#pragma once
/// `query_cache`: the results of frequent queries, read through the cache.
/// Threads: immutable; callable from any thread.
///
///   const strata::query_cache queries(database, cache);
///   const auto agents_of = queries.prepare<agent_line>(
///       "SELECT id, name FROM agents WHERE organization_id = $1 ORDER BY name", {.tables = {"agents"}});
///   const auto found = co_await agents_of("org_1");
///   for (const auto& each : *found) …
///
/// A result stands under a key made of the statement and its parameters, carries the tags of its tables
/// (`table_tag`), and is gone when one of them is written: by a repository or a `unit_of_work` before
/// its commit returns, by others when the tag is removed. Then, as for every key, no read that begins
/// gets a result that was read from the database before.

#include <strata/cache.hpp>
#include <strata/database.hpp>
#include <strata/entity.hpp>
#include <strata/json_codec.hpp>
#include <strata/row.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {

/// Options of one cached query.
struct query_options {
  /// Every table that the statement reads, also through views and functions; or `policy.tags`, which you
  /// remove yourself.
  std::vector<std::string> tables = {};

  /// `negative_ttl` applies to a result without rows, `max_size` limits the size of a cached result.
  strata::policy policy = {.ttl = std::chrono::minutes(1)};

  /// A result of more rows is returned, but not cached: miss_reason::too_large.
  std::size_t max_rows = 1000;
};

namespace detail {

/// A prepared statement. Immutable.
struct prepared_query {
  database* source;
  std::string statement;
  std::string prefix;  ///< of its keys: "query:" and a hash of the statement and the result columns
  std::shared_ptr<const strata::policy> policy;
  cache_type type;
  std::size_t max_rows;
};

/// Throws bad_options that names every problem. `name` distinguishes the databases behind one cache.
std::shared_ptr<const prepared_query> prepare_query(database& source, std::string_view name,
                                                    std::string_view statement,
                                                    const std::vector<std::string>& columns,
                                                    query_options options);

/// `prefix:` and a hash of the parameters and their types, which reveals none of them.
key query_key(const prepared_query& of, const sql_parameters& parameters);

template <class T>
sql_value to_parameter(const T& value) {
  if constexpr (std::convertible_to<const T&, std::string_view>) {
    return std::string(std::string_view(value));
  } else {
    return to_column(value);
  }
}

}  // namespace detail

/// One statement of a `query_cache`. `Row` is a described struct whose members are named as the statement's
/// columns.
/// Lifetime: the database and the cache outlive it and its tasks; as a repository, see `cache::stop_filling`.
template <class Row>
class cached_query {
 public:
  using rows = std::vector<Row>;

  /// The rows for these parameters; see `find`.
  template <class... Arguments>
  task<lookup<rows>> operator()(const Arguments&... arguments) const {
    return find({detail::to_parameter(arguments)...});
  }

  /// As `cache::get_or_set`. No rows are an empty vector, cached for `policy.negative_ttl`.
  /// Errors: as `database::query`; corrupt_entry if a column does not hold its member's type.
  /// Cost: hit O(parameters), no I/O; miss one query for all concurrent callers.
  task<lookup<rows>> find(sql_parameters parameters, read_options how = {}) const {
    auto target = key_of(parameters).reading(how);
    return cache_->get_or_set(target, [of = of_, given = std::move(parameters)](fill_context& context) {
      return load(of, given, context);
    });
  }

  typed_key<rows> key_of(const sql_parameters& parameters) const {
    return {detail::query_key(*of_, parameters), of_->policy, of_->type};
  }

  /// The state of the result for these parameters in each layer, and what the next read will do.
  task<explanation> explain(sql_parameters parameters) const {
    return cache_->explain(key_of(parameters).key);
  }

  /// Removes the results for all parameters. O(1).
  task<invalidation_result> remove_all() const { return cache_->remove_by_prefix(of_->prefix); }

 private:
  friend class query_cache;
  cached_query(cache& target, std::shared_ptr<const detail::prepared_query> of)
      : cache_(&target), of_(std::move(of)) {}

  static task<result<rows>> load(std::shared_ptr<const detail::prepared_query> of, sql_parameters given,
                                 fill_context& context) {
    auto found = co_await of->source->query(of->statement, std::move(given));
    if (!found) co_return std::unexpected(std::move(found.error()));
    auto typed = from_rows<Row>(*found);
    if (!typed) co_return std::unexpected(std::move(typed.error()));
    if (typed->size() > of->max_rows) context.skip(miss_reason::too_large);
    if (typed->empty()) {
      context.found_nothing();
      context.local_at_first();
    }
    co_return std::move(*typed);
  }

  cache* cache_;
  std::shared_ptr<const detail::prepared_query> of_;
};

/// Caches the rows of queries until a table that they read changes.
class query_cache {
 public:
  /// `name`: distinguishes several databases behind one cache.
  /// Lifetime: `source` and `target` outlive it, its queries and their tasks.
  query_cache(database& source, cache& target, std::string name = {})
      : source_(&source), cache_(&target), name_(std::move(name)) {}

  /// Throws bad_options that names every problem: a statement that is not one SELECT (or WITH … SELECT),
  /// no tables named, or an invalid policy.
  template <class Row>
  cached_query<Row> prepare(std::string_view statement, query_options options) const {
    return {*cache_,
            detail::prepare_query(*source_, name_, statement, column_names<Row>(), std::move(options))};
  }

 private:
  database* source_;
  cache* cache_;
  std::string name_;
};

}  // namespace strata
