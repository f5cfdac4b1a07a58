#include "database/postgres/statement_cache.hpp"

#include <utility>

namespace strata::detail {

statement_cache::use statement_cache::find(std::string_view text) {
  if (const auto found = by_text_.find(text); found != by_text_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return {.name = recent_.front().name, .is_new = false, .deallocated = {}};
  }
  use out{.name = {}, .is_new = true, .deallocated = {}};
  if (recent_.size() >= limit_ && recent_.back().confirmed) {
    out.deallocated = recent_.back().name;
    erase(std::prev(recent_.end()));
  }
  recent_.push_front({.text = std::string(text), .name = "s" + std::to_string(++last_)});
  by_text_.emplace(recent_.front().text, recent_.begin());
  by_name_.emplace(recent_.front().name, recent_.begin());
  out.name = recent_.front().name;
  return out;
}

void statement_cache::confirm(std::string_view name) {
  if (const auto found = by_name_.find(name); found != by_name_.end()) found->second->confirmed = true;
}

void statement_cache::forget(std::string_view name) {
  if (const auto found = by_name_.find(name); found != by_name_.end()) erase(found->second);
}

void statement_cache::forget_text(std::string_view text) {
  if (const auto found = by_text_.find(text); found != by_text_.end()) erase(found->second);
}

void statement_cache::erase(list::iterator which) {
  by_text_.erase(which->text);
  by_name_.erase(which->name);
  recent_.erase(which);
}

}  // namespace strata::detail
