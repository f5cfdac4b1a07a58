#include "http/conditions.hpp"

#include "http/date.hpp"
#include "http/etag.hpp"
#include "http/syntax.hpp"

namespace strata::http {

namespace {

using outcome = verdict::outcome;

/// `*` asks whether anything exists, tag or no tag.
tag_match match_existing(std::string_view list, const validators& current, bool strong) {
  if (trim(list) == "*") {
    return {current.exists ? tag_match::answer::yes : tag_match::answer::no, "*"};
  }
  const auto etag = current.exists ? current.etag : std::string_view();
  return strong ? match_strong(list, etag) : match_weak(list, etag);
}

}  // namespace

verdict evaluate(const conditions& requested, const validators& current, bool safe,
                 std::chrono::sys_seconds now) {
  using answer = tag_match::answer;
  if (requested.if_match) {
    switch (match_existing(*requested.if_match, current, true).result) {
      case answer::malformed:
        return {outcome::bad_request, "If-Match is not a list of entity tags, nor *", {}};
      case answer::no:
        return {outcome::precondition_failed, "the current version is not one that If-Match names", {}};
      case answer::yes:
        break;
    }
  } else if (requested.if_unmodified_since && current.last_modified) {
    const auto since = parse_date(*requested.if_unmodified_since, now);
    if (since && *current.last_modified > *since) {
      return {outcome::precondition_failed, "modified after If-Unmodified-Since", {}};
    }
  }
  if (requested.if_none_match) {
    const auto match = match_existing(*requested.if_none_match, current, false);
    // A read goes on as if nothing matched; a write must not ignore a condition that it cannot read.
    if (match.result == answer::malformed && !safe) {
      return {outcome::bad_request, "If-None-Match is not a list of entity tags, nor *", {}};
    }
    if (match.result == answer::yes) {
      if (safe) return {outcome::not_modified, {}, match.matched == "*" ? std::string_view() : match.matched};
      return {outcome::precondition_failed, "the current version is one that If-None-Match names", {}};
    }
  } else if (requested.if_modified_since && safe && current.last_modified) {
    const auto since = parse_date(*requested.if_modified_since, now);
    if (since && *current.last_modified <= *since) return {outcome::not_modified, {}, {}};
  }
  return {};
}

}  // namespace strata::http
