#pragma once
/// The conditional fields of a request, for http::evaluate.
/// Threads: a value. Lifetime: the request's.

#include "http/conditions.hpp"
#include "http/request_head.hpp"
#include "server/request_internals.hpp"

#include <string>

namespace strata::server {

/// Repeated If-Match and If-None-Match lines are joined; everything else is a view.
class requested_conditions {
 public:
  explicit requested_conditions(const request& from) {
    using http::known;
    const auto& head = request_internals::head(from);
    if (head.has(known::if_match)) {
      conditions_.if_match = head.value(known::if_match);
      if (head.is_repeated(known::if_match)) conditions_.if_match = match_ = from.field_list("if-match");
    }
    if (head.has(known::if_none_match)) {
      conditions_.if_none_match = head.value(known::if_none_match);
      if (head.is_repeated(known::if_none_match)) {
        conditions_.if_none_match = none_match_ = from.field_list("if-none-match");
      }
    }
    if (head.has(known::if_modified_since))
      conditions_.if_modified_since = head.value(known::if_modified_since);
    if (head.has(known::if_unmodified_since)) {
      conditions_.if_unmodified_since = head.value(known::if_unmodified_since);
    }
  }
  requested_conditions(const requested_conditions&) = delete;
  requested_conditions& operator=(const requested_conditions&) = delete;

  bool any() const noexcept { return conditions_.any(); }
  const http::conditions& get() const noexcept { return conditions_; }

 private:
  http::conditions conditions_;
  std::string match_, none_match_;
};

}  // namespace strata::server
