#pragma once
/// A factory computes a value on a miss; its context carries what it says about the value.
/// Threads: one call at a time for each key. The cache's operation says on which thread.

#include <strata/error.hpp>
#include <strata/is_optional.hpp>
#include <strata/key.hpp>
#include <strata/lookup.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace strata {

namespace detail {
class factory_runner;
class record_builder;
}  // namespace detail

/// What a factory may set about a value that it computes.
/// Threads: the factory's own.
class fill_settings {
 public:
  /// Replaces the policy's ttl for this value.
  void set_ttl(duration ttl) { ttl_ = ttl; }

  /// Tags besides the policy's.
  void set_tags(std::vector<std::string> tags) { tags_ = std::move(tags); }
  void add_tag(std::string tag) { tags_.push_back(std::move(tag)); }

  /// Do not cache this value. `why` is the reason that the read then reports: bypassed, or too_large.
  void skip(miss_reason why = miss_reason::bypassed) noexcept { skip_ = why; }

  /// The value says that nothing was found, although it is not null, e.g. an empty list: it lives for the
  /// policy's negative_ttl and is never served stale.
  void found_nothing() noexcept { found_nothing_ = true; }

  /// A stranger may have made up this key. If L2 has no value of it, this one stays in the memory of this
  /// process; the key's next fill reaches L2. So keys that are asked for once do not fill L2.
  void local_at_first() noexcept { local_at_first_ = true; }

  /// Nothing stale may stand in for this result. A value is never served stale. A failure, e.g. a 403 or 410,
  /// reaches the readers though the policy has fail_safe, and the last value is removed from every layer.
  void refuse_stale() noexcept { refuse_stale_ = true; }

 private:
  friend class detail::factory_runner;
  friend class detail::record_builder;
  std::optional<duration> ttl_;
  std::vector<std::string> tags_;
  miss_reason skip_ = miss_reason::none;
  bool found_nothing_ = false;
  bool local_at_first_ = false;
  bool refuse_stale_ = false;
};

/// What a factory may read and set about the value or the values it computes. In a batch the settings apply
/// to each value; `of` gives those of one. Threads: the factory's own.
class fill_context : public fill_settings {
 public:
  explicit fill_context(commit_time started) : asof_(started) {}

  /// The key that missed; in a batch the one at `index` of those that were asked for.
  /// Requires: it is called by a factory, and `index` is one of these.
  const strata::key& key(std::size_t index = 0) const noexcept { return *keys_[index]; }

  /// In a batch: the settings of the value at `index` of those that were asked for. They add to those of all,
  /// and its ttl comes first.
  fill_settings& of(std::size_t index) { return each_[index]; }

  /// When the value was true. Preset to the start of the factory. A source that lags behind may be given
  /// an earlier time, e.g. a former `stats().clock`; a later one counts as the preset. Never a database's.
  void set_asof(commit_time asof) { asof_ = asof; }
  commit_time asof() const noexcept { return asof_; }

  /// The value that is being replaced and may still be current, or null.
  template <class T>
  const T* previous() const noexcept {
    return static_cast<const T*>(previous_.get());
  }

  /// The previous value is still current: it gets a new time to live, and the factory's return value is
  /// ignored. Requires: previous() is not null.
  void not_modified() noexcept { not_modified_ = true; }

  /// The factory failed with `why`, whatever it returns.
  void fail(error why) { failure_ = std::move(why); }

 private:
  friend class detail::factory_runner;
  friend class detail::record_builder;
  commit_time asof_;
  std::span<const strata::key* const> keys_;
  std::map<std::size_t, fill_settings> each_;
  std::shared_ptr<const void> previous_;
  std::optional<error> failure_;
  bool not_modified_ = false;
};

/// A function that makes a value on a miss; it may take the context of the fill.
template <class F>
concept factory = std::invocable<F&> || std::invocable<F&, fill_context&>;

namespace detail {

using any_value = std::shared_ptr<const void>;  // null: not found
using any_factory = std::move_only_function<task<result<any_value>>(fill_context&)>;
using any_batch_factory = std::move_only_function<task<result<std::vector<any_value>>>(
    std::span<const std::size_t> missing, fill_context&)>;

/// Turns what a factory returned into an any_value: T, optional<T>, shared_ptr<const T>, or a
/// result of these.
template <class T, class R>
result<any_value> to_any(R&& returned) {
  using plain = std::remove_cvref_t<R>;
  if constexpr (requires {
                  returned.error();
                  returned.has_value();
                }) {
    if (!returned) return std::unexpected(std::forward<R>(returned).error());
    return to_any<T>(*std::forward<R>(returned));
  } else if constexpr (std::convertible_to<plain, std::shared_ptr<const T>>) {
    return any_value(std::shared_ptr<const T>(std::forward<R>(returned)));
  } else if constexpr (is_optional<plain>::value && !is_optional<T>::value) {
    if (!returned) return any_value();
    return any_value(std::make_shared<const T>(*std::forward<R>(returned)));
  } else {
    static_assert(
        std::convertible_to<plain, T>,
        "a factory returns T, std::optional<T>, std::shared_ptr<const T>, a result or a task of these");
    return any_value(std::make_shared<const T>(std::forward<R>(returned)));
  }
}

template <class T, class F>
any_factory erase_factory(F factory) {
  return [factory = std::move(factory)](fill_context& context) mutable -> task<result<any_value>> {
    auto call = [&]() -> decltype(auto) {
      if constexpr (std::invocable<F&, fill_context&>) {
        return factory(context);
      } else {
        return factory();
      }
    };
    if constexpr (requires { call().is_ready(); }) {
      co_return to_any<T>(co_await call());
    } else {
      co_return to_any<T>(call());
    }
  };
}

template <class T, class F>
any_batch_factory erase_batch(F factory) {
  return
      [factory = std::move(factory)](std::span<const std::size_t> missing,
                                     fill_context& context) mutable -> task<result<std::vector<any_value>>> {
        auto call = [&]() -> decltype(auto) {
          if constexpr (std::invocable<F&, std::span<const std::size_t>, fill_context&>) {
            return factory(missing, context);
          } else {
            return factory(missing);
          }
        };
        auto convert = [](auto&& returned) -> result<std::vector<any_value>> {
          std::vector<any_value> out;
          auto each = [&](auto&& values) -> result<void> {
            for (auto& value : values) {
              auto converted = to_any<T>(std::move(value));
              if (!converted) return std::unexpected(converted.error());
              out.push_back(std::move(*converted));
            }
            return {};
          };
          if constexpr (requires { returned.error(); }) {
            if (!returned) return std::unexpected(returned.error());
            if (auto ok = each(*returned); !ok) return std::unexpected(ok.error());
          } else {
            if (auto ok = each(returned); !ok) return std::unexpected(ok.error());
          }
          return out;
        };
        if constexpr (requires { call().is_ready(); }) {
          co_return convert(co_await call());
        } else {
          co_return convert(call());
        }
      };
}

}  // namespace detail

}  // namespace strata
