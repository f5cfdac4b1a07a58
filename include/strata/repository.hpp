#pragma once
/// `repository`: an entity's rows, read through the cache and written through it.
/// Threads: immutable; callable from any thread.
///
///   strata::repository agents(database, cache, entity<agent, "agent:{id}">{{.ttl = 30min}},
///                             "agents", [&] { return clock.wall(); });
///   auto found = co_await agents.find("agt_1");
///   auto saved = co_await agents.update("agt_1", version, [&](agent& row) -> strata::result<void> {
///     row.name = name;
///     return {};
///   });
///
/// Related writes to several tables go through one `unit_of_work`.

#include <strata/cache.hpp>
#include <strata/database.hpp>
#include <strata/entity.hpp>
#include <strata/json_codec.hpp>
#include <strata/row.hpp>
#include <strata/unit_of_work.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {

namespace detail {

/// The statements of one table, made once from its columns. They run on every database.
struct table_statements {
  /// Requires: `columns` holds "id" and "version".
  table_statements(std::string_view table, const std::vector<std::string>& columns);
  std::string table;
  std::string select;        ///< SELECT all columns FROM the table
  std::string select_by_id;  ///< $1 id
  std::string insert;        ///< every column in order
  std::string update;        ///< every column in order, then the version the row has now
  std::string remove;        ///< $1 id, $2 the version the row has now
};

std::unexpected<error> row_missing(const table_statements& in, std::string_view id);
std::unexpected<error> row_conflict(const table_statements& in, std::string_view id, std::int64_t expected,
                                    std::int64_t found);
/// The row changed although this transaction had read it.
std::unexpected<error> row_moved(const table_statements& in, std::string_view id);

/// The version after `seen`. A writer compares versions for equality, so the largest is followed by 1.
constexpr std::int64_t next_version(std::int64_t seen) noexcept {
  return seen == std::numeric_limits<std::int64_t>::max() ? 1 : seen + 1;
}

}  // namespace detail

/// The type that a repository caches for a row of type `T`: the row itself, or a view built from it with
/// `using row_type = T;`, e.g. one that holds the rendered row.
template <class View>
struct row_of {
  using type = View;
};
template <class View>
  requires requires { typename View::row_type; }
struct row_of<View> {
  using type = typename View::row_type;
};

/// The rows of one table as entities. A row `T` is a described struct with `std::string id` and
/// `std::int64_t version`, and optionally `std::string created_at` and `updated_at`, which the
/// repository sets (RFC 3339, UTC). Versions begin at 1 and grow by 1 with each update.
/// Lifetime: the database and the cache outlive it; it outlives its tasks and the cache's background reads
/// with it: see `cache::stop_filling`.
template <class View, fixed_string Pattern>
class repository {
  using T = row_of<View>::type;
  static_assert(std::same_as<T, View> || std::constructible_from<View, const T&>,
                "a view is made from its row");
  static_assert(json::detail::described<T>, "describe the struct: BOOST_DESCRIBE_STRUCT(T, (), (…))");
  static_assert(key_pattern<Pattern>::arity == 1, "a repository's key has one placeholder: the row's id");
  static_assert(std::same_as<decltype(T::id), std::string>, "a repository's rows have a std::string id");
  static_assert(std::same_as<decltype(T::version), std::int64_t>,
                "a repository's rows have a std::int64_t version");

 public:
  using value_type = View;
  using row_type = T;
  /// Changes the given row, or returns an error, which ends the write.
  using change_function = std::move_only_function<result<void>(T&)>;

  repository(database& source, cache& target, strata::entity<View, Pattern> entity, std::string_view table,
             std::function<wall_time()> now)
      : database_(&source),
        cache_(&target),
        entity_(std::move(entity)),
        statements_(table, column_names<T>()),
        now_(std::move(now)) {}

  /// The row with this id, through the cache; "not found" is cached too.
  /// As `cache::get_or_set`. Errors: those of `load`.
  /// Cost: hit O(1), no I/O, no coroutine frame.
  task<lookup<View>> find(std::string_view id, read_options how = {}) const {
    return cache_->get_or_set(key_of(id).reading(how), view_loader(*this, id));
  }

  /// The same with a reusable key: `key` is `key_of(id)`.
  task<lookup<View>> find(const typed_key<View>& key, std::string_view id) const {
    return cache_->get_or_set(key, view_loader(*this, id));
  }

  /// The row with this id from the database. Errors: as `database::query`, and corrupt_entry if a
  /// column does not hold its type.
  task<result<std::optional<T>>> load(std::string id) const {
    sql_parameters parameters{std::move(id)};
    auto rows = co_await database_->query(statements_.select_by_id, std::move(parameters));
    co_return only(rows);
  }

  /// The rows that `tail` selects, uncached: "WHERE organization_id = $1 ORDER BY id LIMIT $2".
  task<result<std::vector<T>>> select(std::string_view tail, sql_parameters parameters) const {
    return select_text(statements_.select + ' ' + std::string(tail), std::move(parameters));
  }

  /// Inserts `value` with version 1. `created_at` is kept if it is not empty.
  /// Returns: the row as written.   Errors: constraint (the id exists, …), as `begin` besides.
  task<result<T>> create(T value) const {
    return in_transaction(*database_, *cache_, [this, value = std::move(value)](unit_of_work work) {
      return create_once(std::move(work), value);
    });
  }

  /// Applies `change` to the row as it is inside the transaction, and writes it with the next
  /// version, even if nothing changed. A column that does not hold its type has the value of `T()`; the row
  /// is written if `change` gives each of them another one. `change` must not set `id`, `version` or the
  /// times. When another transaction was faster, it is applied again, to the newer row. `expected_version`:
  /// the version the caller saw; none accepts any. Returns: the row as written. Errors:  not_found, conflict
  /// (another version), constraint, what `change` returns; as `begin`
  ///          besides. Rethrows what `change` throws. Nothing is written then.
  task<result<T>> update(std::string id, std::optional<std::int64_t> expected_version,
                         change_function change) const {
    return in_transaction(
        *database_, *cache_,
        [this, id = std::move(id), expected_version, change = std::move(change)](unit_of_work work) mutable {
          return update_once(std::move(work), id, expected_version, change);
        });
  }

  /// Deletes the row. Errors: not_found, conflict, constraint (something refers to it).
  task<result<void>> remove(std::string id, std::optional<std::int64_t> expected_version = {}) const {
    return in_transaction(*database_, *cache_,
                          [this, id = std::move(id), expected_version](unit_of_work work) {
                            return remove_once(std::move(work), id, expected_version);
                          });
  }

  /// The row as `work` sees it.
  task<result<std::optional<T>>> load_in(unit_of_work& work, std::string id) const {
    sql_parameters parameters{std::move(id)};
    auto rows = co_await work.execute(statements_.select_by_id, std::move(parameters));
    co_return only(rows);
  }

  /// As `load_in`, also if columns of the row do not hold their type: they have the value of `T()`, and
  /// `unreadable` names them.
  task<result<std::optional<readable_row<T>>>> load_readable_in(unit_of_work& work, std::string id) const {
    sql_parameters parameters{std::move(id)};
    auto rows = co_await work.execute(statements_.select_by_id, std::move(parameters));
    if (!rows) co_return std::unexpected(std::move(rows.error()));
    auto found = readable_rows<T>(*rows);
    if (!found) co_return std::unexpected(std::move(found.error()));
    std::optional<readable_row<T>> out;
    if (!found->empty()) out = std::move(found->front());
    if (out && !out->unreadable.empty()) name_table(out->why);
    co_return out;
  }

  /// As `create`, `update` and `remove`, inside `work`: nothing is seen before its commit.
  task<result<T>> create_in(unit_of_work& work, T value) const {
    const auto stamp = rfc3339(now_());
    value.version = 1;
    if constexpr (requires { value.created_at; }) {
      if (value.created_at.empty()) value.created_at = stamp;
    }
    if constexpr (requires { value.updated_at; }) value.updated_at = stamp;
    auto inserted = co_await work.execute(statements_.insert, to_row(value));
    if (!inserted) co_return std::unexpected(std::move(inserted.error()));
    put_in(work, value.id);
    co_return value;
  }

  task<result<T>> update_in(unit_of_work& work, std::string id, std::optional<std::int64_t> expected_version,
                            change_function change) const {
    auto found = co_await load_expected(work, id, expected_version);
    if (!found) co_return std::unexpected(std::move(found.error()));
    T row = found->row;
    if (auto changed = change(row); !changed) co_return std::unexpected(std::move(changed.error()));
    if (!found->unreadable.empty() && !replaces_unreadable(*found, row)) {
      co_return std::unexpected(std::move(found->why));
    }
    auto written = write_over(work, std::move(id), std::move(found->row), std::move(row));
    co_return co_await std::move(written);
  }

  /// As `update_in`, with every column given. So it replaces even a row that cannot be read.
  task<result<T>> replace_in(unit_of_work& work, std::string id, std::optional<std::int64_t> expected_version,
                             T value) const {
    auto found = co_await load_expected(work, id, expected_version);
    if (!found) co_return std::unexpected(std::move(found.error()));
    auto written = write_over(work, std::move(id), std::move(found->row), std::move(value));
    co_return co_await std::move(written);
  }

  task<result<void>> remove_in(unit_of_work& work, std::string id,
                               std::optional<std::int64_t> expected_version = {}) const {
    auto found = co_await load_expected(work, id, expected_version);
    if (!found) co_return std::unexpected(std::move(found.error()));
    sql_parameters parameters{id, found->row.version};
    auto removed = co_await work.execute(statements_.remove, std::move(parameters));
    if (!removed) co_return std::unexpected(std::move(removed.error()));
    if (removed->changed() != 1) co_return detail::row_moved(statements_, id);
    work.put(key_of(id), std::shared_ptr<const View>());
    work.changes(statements_.table);
    co_return result<void>();
  }

  /// The key of the row with this id.
  typed_key<View> key_of(std::string_view id) const { return entity_(id); }
  const std::string& table() const noexcept { return statements_.table; }

 private:
  /// Caches the row `id` as the database holds it after the commit.
  void put_in(unit_of_work& work, std::string id) const {
    auto key = key_of(id);
    sql_query read{statements_.select_by_id, {}};
    read.parameters.emplace_back(std::move(id));
    work.put_read_back(std::move(key), std::move(read), &view_of);
    work.changes(statements_.table);
  }

  static result<std::shared_ptr<const View>> view_of(const sql_rows& rows) {
    auto found = from_rows<T>(rows);
    if (!found) return std::unexpected(std::move(found.error()));
    if (found->empty()) return std::shared_ptr<const View>();
    return std::make_shared<const View>(std::move(found->front()));
  }

  /// Loads one row. Keeps the id itself only once it is moved, which the cache does on a miss: a
  /// hit allocates nothing for it.
  class view_loader {
   public:
    view_loader(const repository& rows, std::string_view id) : rows_(&rows), id_(id) {}
    view_loader(view_loader&& other)
        : rows_(other.rows_), kept_(other.kept_ ? std::move(other.kept_) : std::string(other.id_)) {}
    task<result<std::optional<View>>> operator()(fill_context& context) const {
      return rows_->load_view(kept_ ? *kept_ : std::string(id_), context);
    }

   private:
    const repository* rows_;
    std::string_view id_;
    std::optional<std::string> kept_;
  };

  /// Lifetime: `context` outlives the task.
  task<result<std::optional<View>>> load_view(std::string id, fill_context& context) const {
    auto row = co_await load(std::move(id));
    if (!row) co_return std::unexpected(std::move(row.error()));
    if (!*row) {
      context.local_at_first();  // a caller can name any number of rows that do not exist
      co_return std::optional<View>();
    }
    co_return std::optional<View>(View(std::move(**row)));
  }

  task<result<std::vector<T>>> select_text(std::string statement, sql_parameters parameters) const {
    auto rows = co_await database_->query(statement, std::move(parameters));
    if (!rows) co_return std::unexpected(std::move(rows.error()));
    auto found = from_rows<T>(*rows);
    if (!found) name_table(found.error());
    co_return found;
  }

  void name_table(error& in) const { in.detail.insert(0, statements_.table + ": "); }

  result<std::optional<T>> only(const result<sql_rows>& rows) const {
    if (!rows) return std::unexpected(rows.error());
    auto found = from_rows<T>(*rows);
    if (!found) {
      name_table(found.error());
      return std::unexpected(std::move(found.error()));
    }
    if (found->empty()) return std::optional<T>();
    return std::optional<T>(std::move(found->front()));
  }

  /// The row in its expected version. Errors: not_found, conflict; corrupt_entry if its version is
  /// unreadable.
  task<result<readable_row<T>>> load_expected(unit_of_work& work, std::string id,
                                              std::optional<std::int64_t> expected_version) const {
    auto found = co_await load_readable_in(work, id);
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (!*found) co_return detail::row_missing(statements_, id);
    if (std::ranges::find((*found)->unreadable, "version") != (*found)->unreadable.end()) {
      co_return std::unexpected(std::move((*found)->why));
    }
    if (const auto is = (*found)->row.version; expected_version && is != *expected_version) {
      co_return detail::row_conflict(statements_, id, *expected_version, is);
    }
    co_return std::move(**found);
  }

  /// Writes `row` over `before`, with the next version.
  task<result<T>> write_over(unit_of_work& work, std::string id, T before, T row) const {
    row.id = id;
    row.version = detail::next_version(before.version);
    const auto stamp = rfc3339(now_());
    if constexpr (requires { row.created_at; }) {
      row.created_at = before.created_at.empty() ? stamp : std::move(before.created_at);
    }
    if constexpr (requires { row.updated_at; }) row.updated_at = stamp;
    auto parameters = to_row(row);
    parameters.emplace_back(before.version);
    auto updated = co_await work.execute(statements_.update, std::move(parameters));
    if (!updated) co_return std::unexpected(std::move(updated.error()));
    if (updated->changed() != 1) co_return detail::row_moved(statements_, id);
    put_in(work, std::move(id));
    co_return std::move(row);
  }

  task<result<T>> create_once(unit_of_work work, T value) const {
    auto written = co_await create_in(work, std::move(value));
    co_return co_await committed(work, std::move(written));
  }

  task<result<T>> update_once(unit_of_work work, std::string id, std::optional<std::int64_t> expected_version,
                              change_function& change) const {
    auto written =
        co_await update_in(work, std::move(id), expected_version, [&change](T& row) { return change(row); });
    co_return co_await committed(work, std::move(written));
  }

  task<result<void>> remove_once(unit_of_work work, std::string id,
                                 std::optional<std::int64_t> expected_version) const {
    auto removed = co_await remove_in(work, std::move(id), expected_version);
    if (!removed) {
      co_await work.rollback();
      co_return removed;
    }
    co_return co_await work.commit();
  }

  task<result<T>> committed(unit_of_work& work, result<T> written) const {
    if (!written) {
      co_await work.rollback();
      co_return written;
    }
    auto done = co_await work.commit();
    if (!done) co_return std::unexpected(std::move(done.error()));
    co_return written;
  }

  database* database_;
  cache* cache_;
  strata::entity<View, Pattern> entity_;
  detail::table_statements statements_;
  std::function<wall_time()> now_;
};

}  // namespace strata
