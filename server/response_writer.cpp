#include "server/response_writer.hpp"

#include "http/compose.hpp"
#include "http/date.hpp"
#include "http/etag.hpp"
#include "http/negotiate.hpp"
#include "server/byte_ranges.hpp"
#include "server/conditions.hpp"
#include "server/cors.hpp"
#include "server/encode.hpp"
#include "server/router.hpp"

#include <algorithm>

namespace strata::server {

namespace {

using http::append_number;
using http::known;

void append_status_line(std::string& out, int status) {
  switch (status) {  // the two whose speed matters
    case 200:
      out += "HTTP/1.1 200 OK\r\n";
      return;
    case 304:
      out += "HTTP/1.1 304 Not Modified\r\n";
      return;
    default:
      break;
  }
  out += "HTTP/1.1 ";
  http::append_signed(out, status);
  out += ' ';
  out += http::reason_phrase(status);
  out += "\r\n";
}

std::string_view token_of(cache_status::forwarded why) {
  switch (why) {
    case cache_status::forwarded::bypass:
      return "bypass";
    case cache_status::forwarded::method:
      return "method";
    case cache_status::forwarded::uri_miss:
      return "uri-miss";
    case cache_status::forwarded::miss:
      return "miss";
    case cache_status::forwarded::stale:
      return "stale";
    case cache_status::forwarded::none:
      break;
  }
  return {};
}

void append_cache_status(std::string& out, const cache_status& status) {
  out += "Cache-Status: ";
  http::append(out, {.forward = token_of(status.forward),
                     .stored = status.stored,
                     .collapsed = status.collapsed,
                     .ttl = status.ttl,
                     .detail = status.detail});
  out += "\r\n";
}

/// Rounds up, so that a client that waits this long is admitted.
std::chrono::seconds whole_seconds(duration time) {
  return std::max(std::chrono::seconds(0), std::chrono::ceil<std::chrono::seconds>(time));
}

void append_rate_limit(std::string& out, const rate_limit_state& state, int status) {
  const http::rate_limit fields{.policy = state.policy,
                                .limit = state.limit,
                                .remaining = state.remaining,
                                .window = whole_seconds(state.window),
                                .reset_after = whole_seconds(state.reset_after)};
  out += "RateLimit-Policy: ";
  http::append_policy(out, fields);
  out += "\r\nRateLimit: ";
  http::append_state(out, fields);
  out += "\r\n";
  if (status == 429) {
    out += "Retry-After: ";
    http::append_signed(out, std::max(std::chrono::seconds(1), whole_seconds(state.retry_after)).count());
    out += "\r\n";
  }
}

/// A cached answer is seldom in a CPU cache. Prefetching it while the head is composed hides most of the
/// wait; the processor itself prefetches the rest of a large one.
void prefetch(const char* from, std::size_t size) {
  constexpr std::size_t line = 64;
  constexpr std::size_t most = 2048;
  for (std::size_t at = 0; at < std::min(size, most); at += line) __builtin_prefetch(from + at);
}

/// Appends the fields of every head.
void append_common(std::string& out, const connection_facts& facts, std::string_view request_id) {
  out += "X-Request-Id: ";
  out += request_id;
  out += "\r\nX-Content-Type-Options: nosniff\r\n";
  if (facts.close) {
    out += "Connection: close\r\n";
  } else if (facts.http_1_0) {
    out += "Connection: keep-alive\r\n";
  }
}

void begin_head(std::string& out, int status, const connection_facts& facts) {
  append_status_line(out, status);
  out += "Date: ";
  out += facts.date;
  out += "\r\n";
}

/// Writes one response in three steps: conditions, coding, composing. Each of the first two may replace the
/// answer by a problem.
class response_writer {
 public:
  response_writer(const request& to, response answer, const connection_facts& facts)
      : request_(to), head_(request_internals::head(to)), answer_(std::move(answer)), facts_(facts) {}

  wire_response run(std::string& out) {
    const auto start = out.size();
    // Only a full response to a safe method may become a 304 or be encoded.
    if (safe() && answer_.status == 200) {
      if (conditional()) evaluate();
      if (answer_.status == 200 && head_.has(known::accept_encoding)) choose_coding();
      if (answer_.ranges && answer_.status == 200) choose_range();
    }
    compose(out);
    wire_response done;
    done.status = answer_.status;
    done.cache = answer_.cache;
    const auto length = out.size() - start;
    const bool bodiless = request_.method() == method::head || answer_.status == 204 || answer_.status == 304;
    if (!bodiless) {
      if (partial_) {
        done.shared = partial_->slice;
        if (!done.shared.empty()) done.owner = std::move(answer_.content);
        done.own = std::move(partial_->multipart);
      } else if (form_ != nullptr) {
        done.shared = form_->body();
        done.owner = std::move(answer_.content);
      } else {
        done.own = std::move(answer_.body);
        if (answer_.status == 200) done.stream = std::move(answer_.stream);
      }
    }
    done.bytes = length + done.body().size();
    return done;
  }

 private:
  bool safe() const { return request_.method() == method::get || request_.method() == method::head; }
  bool conditional() const {
    return head_.has(known::if_none_match) || head_.has(known::if_modified_since) ||
           head_.has(known::if_match) || head_.has(known::if_unmodified_since);
  }
  std::string_view etag() const { return answer_.content ? answer_.content->etag() : answer_.etag; }
  /// Sent, and compared with, only when its second is over: then no later change has the same date.
  std::optional<wall_time> last_modified() const {
    const auto at = answer_.content ? answer_.content->last_modified() : answer_.last_modified;
    return at && std::chrono::floor<std::chrono::seconds>(*at) < facts_.now ? at : std::nullopt;
  }
  bool dates_reads() const {
    return answer_.content == nullptr || answer_.content->dated_for() == date_use::everything;
  }

  void replace(response other) {
    answer_ = std::move(other);
    form_ = nullptr;
  }

  void evaluate() {
    auto requested = conditions_.emplace(request_).get();
    if (!dates_reads()) requested.if_modified_since.reset();
    http::validators current{.etag = etag(), .last_modified = {}, .exists = true};
    if (const auto at = last_modified()) {
      current.last_modified = std::chrono::floor<std::chrono::seconds>(*at);
    }
    const auto verdict = http::evaluate(requested, current, true, facts_.now);
    switch (verdict.result) {
      case http::verdict::outcome::proceed:
        return;
      case http::verdict::outcome::bad_request:
        return replace(problem(400, verdict.why));
      case http::verdict::outcome::precondition_failed:
        return replace(problem(412, verdict.why));
      case http::verdict::outcome::not_modified:
        break;
    }
    answer_.status = 304;
    matched_ = tag_of_304(verdict.matched, requested);
  }

  /// The tag that the 200 carried which the client has: strong even if a proxy has weakened it. If the client
  /// names several forms or none, it is the tag that a 200 would carry now.
  std::string_view tag_of_304(std::string_view matched, const http::conditions& requested) {
    const bool weak = etag().starts_with("W/");
    if (!weak && matched.starts_with("W/")) matched.remove_prefix(2);
    if (weak && !matched.starts_with("W/")) matched = etag();
    if (!head_.has(known::accept_encoding)) return matched.empty() ? etag() : matched;
    const auto coding = negotiate();
    if (!coding) return matched.empty() ? etag() : matched;
    const bool encoded = answer_.content == nullptr || answer_.content->encoded(*coding) != nullptr;
    current_ = coded_etag(etag(), encoded ? *coding : content_coding::identity);
    const bool named = matched.empty() || http::match_weak(*requested.if_none_match, current_).result ==
                                              http::tag_match::answer::yes;
    return named && *coding != content_coding::identity ? current_ : matched.empty() ? etag() : matched;
  }

  /// Nothing if the client refuses every form.
  std::optional<content_coding> negotiate() const {
    const bool encodable = answer_.content ? answer_.content->encodable()
                                           : is_encodable(answer_.body.size(), answer_.content_type.text);
    auto field = head_.value(known::accept_encoding);
    std::string joined;
    if (head_.is_repeated(known::accept_encoding)) field = joined = request_.field_list("accept-encoding");
    const auto chosen = http::negotiate_coding(field, encodable);
    if (!chosen) return {};
    return static_cast<content_coding>(*chosen);
  }

  void choose_coding() {
    const auto body = answer_.content ? answer_.content->body() : std::string_view(answer_.body);
    const auto coding = negotiate();
    if (!coding) {
      if (!body.empty())
        replace(problem(406, "Accept-Encoding refuses every available form of this resource"));
      return;
    }
    if (*coding == content_coding::identity) return;
    if (answer_.content) {
      form_ = answer_.content->encoded(*coding);
      if (form_ != nullptr) coding_ = *coding;
    } else if (auto encoded = encode(body, *coding)) {
      answer_.body = std::move(*encoded);
      answer_.etag = coded_etag(answer_.etag, *coding);
      coding_ = *coding;
      varies_ = true;
    }
  }

  void choose_range() {
    if (request_.method() != method::get || !request_.has_field("range")) return;
    const auto& whole = *answer_.content;
    const auto& form = form_ != nullptr ? *form_ : whole.identity();
    if (request_.has_field("if-range")) {
      http::validators current{.etag = form.etag(), .last_modified = {}, .exists = true};
      if (const auto at = last_modified()) {
        current.last_modified = std::chrono::floor<std::chrono::seconds>(*at);
      }
      if (!http::if_range_holds(request_.field_list("if-range"), current, facts_.now)) return;
    }
    const auto asked = http::evaluate_range(request_.field_list("range"), form.body().size());
    switch (asked.result) {
      case http::range_answer::outcome::whole:
        return;
      case http::range_answer::outcome::parts:
        answer_.status = 206;
        partial_ = partial_content_of(whole, form, coding_, asked.parts, last_modified().has_value());
        return;
      case http::range_answer::outcome::unsatisfiable:
        break;
    }
    auto refused = problem(416, "Range names no byte of this resource");
    refused.add("Content-Range", "bytes */" + std::to_string(form.body().size()));
    refused.ranges = true;
    replace(std::move(refused));
  }

  /// The representation's own fields come last: they end the head, and its body follows them.
  void compose(std::string& out) {
    const bool dated = last_modified().has_value();
    if (answer_.content && answer_.status != 304 && !partial_) {
      if (form_ == nullptr) form_ = &answer_.content->identity();
      const auto fields = form_->fields(dated);
      prefetch(fields.data(), fields.size() + form_->body().size());
    }
    begin_head(out, answer_.status, facts_);
    append_caching(out);
    for (const auto& each : answer_.fields()) append_field(out, each.name, each.value);
    for (const auto& [name, value] : request_.response_fields) append_field(out, name, value);
    if (facts_.cors != nullptr) append_cors_fields(out, *facts_.cors, request_, answer_);
    if (request_.rate_limit) append_rate_limit(out, *request_.rate_limit, answer_.status);
    append_common(out, facts_, request_.request_id());
    if (answer_.ranges) out += "Accept-Ranges: bytes\r\n";
    if (partial_) {
      out += partial_->fields;
    } else if (form_ != nullptr && answer_.status != 304) {
      out += form_->fields(dated);
      return;
    } else if (answer_.status == 304) {
      append_not_modified(out);
    } else if (answer_.stream != nullptr) {
      append_field(out, "Content-Type", answer_.content_type.text);
    } else if (answer_.status != 204) {
      append_content_fields(out, {.content_type = answer_.content_type.text,
                                  .length = answer_.body.size(),
                                  .coding = coding_,
                                  .etag = answer_.etag,
                                  .last_modified = last_modified(),
                                  .varies = varies()});
    } else if (!answer_.etag.empty()) {
      append_field(out, "ETag", answer_.etag);
    }
    out += "\r\n";
  }

  bool varies() const { return varies_ || is_encodable(answer_.body.size(), answer_.content_type.text); }

  void append_not_modified(std::string& out) {
    append_validator_fields(out, {.etag = matched_.empty() ? etag() : matched_,
                                  .last_modified = last_modified(),
                                  .varies = answer_.content ? answer_.content->encodable() : varies()});
  }

  void append_caching(std::string& out) {
    const auto status = answer_.status;
    const bool good = safe() && ((status >= 200 && status < 300) || status == 304);
    if (!answer_.cache_control.empty()) {
      append_field(out, "Cache-Control", answer_.cache_control);
    } else if (good && request_.route() != nullptr) {
      out += request_.route()->cacheable_fields;
    } else {
      out += "Cache-Control: no-store\r\n";
    }
    if (answer_.cache) append_cache_status(out, *answer_.cache);
  }

  const request& request_;
  const http::request_head& head_;
  response answer_;
  const connection_facts& facts_;
  const representation::form* form_ = nullptr;
  std::optional<partial_content> partial_;
  std::optional<requested_conditions> conditions_;
  std::string_view matched_;  ///< of a 304: a view into `conditions_`, `current_` or the answer
  std::string current_;
  content_coding coding_ = content_coding::identity;
  bool varies_ = false;
};

}  // namespace

wire_response write_response(const request& to, response answer, const connection_facts& facts,
                             std::string& out) {
  return response_writer(to, std::move(answer), facts).run(out);
}

wire_response write_unparsed_response(response answer, const connection_facts& facts,
                                      std::string_view request_id, std::string& out) {
  const auto start = out.size();
  begin_head(out, answer.status, facts);
  out += "Cache-Control: no-store\r\n";
  for (const auto& each : answer.fields()) append_field(out, each.name, each.value);
  append_common(out, facts, request_id);
  append_content_fields(out, {.content_type = answer.content_type.text, .length = answer.body.size()});
  out += "\r\n";
  wire_response done;
  done.status = answer.status;
  done.bytes = out.size() - start + answer.body.size();
  done.own = std::move(answer.body);
  return done;
}

}  // namespace strata::server
