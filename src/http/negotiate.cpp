#include "http/negotiate.hpp"

#include "http/syntax.hpp"

#include <array>

namespace strata::http {

namespace {

struct weighted {
  std::string_view item;
  unsigned weight = 1000;
  bool other_parameters = false;
  bool malformed = false;  // its weight
};

/// `item; parameters; q=0.5; extensions`. Extensions say nothing about the item.
std::optional<weighted> read_weighted(std::string_view element) {
  list_reader parts(element, ';');
  const auto item = parts.next();
  if (!item) return {};
  weighted found{*item};
  while (const auto part = parts.next()) {
    const auto parameter = split_parameter(*part);
    if (iequals(parameter.name, "q")) {
      const auto weight = parse_weight(parameter.value.value_or(""));
      found.malformed = !weight;
      found.weight = weight.value_or(1);
      break;
    }
    if (!(iequals(parameter.name, "charset") && iequals(parameter.value.value_or(""), "utf-8"))) {
      found.other_parameters = true;
    }
  }
  return found;
}

/// How specifically `range` covers `type`; 0: not at all. A range with parameters covers a type only where it
/// wants it: `application/json;v=2;q=0` does not exclude plain JSON.
int rank_of(const weighted& range, const media_type& read, const media_type& type) {
  if (read.type == "*" && read.subtype == "*") return 1;
  if (!iequals(read.type, type.type)) return 0;
  if (read.subtype == "*") return 2;
  if (!iequals(read.subtype, type.subtype)) return 0;
  if (range.other_parameters) return range.weight > 0 ? 3 : 0;
  return 4;
}

}  // namespace

std::optional<coding> negotiate_coding(std::optional<std::string_view> field, bool encodable) noexcept {
  if (!field) return coding::identity;
  std::array<std::optional<unsigned>, 3> weight;
  std::optional<unsigned> any;
  list_reader list(*field);
  while (const auto element = list.next()) {
    const auto read = read_weighted(*element);
    if (!read || read->malformed) continue;
    if (iequals(read->item, "zstd")) {
      weight[static_cast<std::size_t>(coding::zstd)] = read->weight;
    } else if (iequals(read->item, "gzip") || iequals(read->item, "x-gzip")) {
      weight[static_cast<std::size_t>(coding::gzip)] = read->weight;
    } else if (iequals(read->item, "identity")) {
      weight[static_cast<std::size_t>(coding::identity)] = read->weight;
    } else if (read->item == "*") {
      any = read->weight;
    }
  }
  const auto weight_of = [&](coding which) {
    return weight[static_cast<std::size_t>(which)].value_or(any.value_or(0));
  };
  // Identity is acceptable unless refused, but ranks below every coding that the client names.
  const auto identity_weight = weight[0] ? *weight[0] : any ? *any : 1;
  std::optional<coding> best;
  unsigned best_weight = 0;
  const auto consider = [&](coding which, unsigned of) {
    if (of > best_weight) {
      best = which;
      best_weight = of;
    }
  };
  if (encodable) {
    consider(coding::zstd, weight_of(coding::zstd));
    consider(coding::gzip, weight_of(coding::gzip));
  }
  consider(coding::identity, identity_weight);
  return best;
}

std::string_view name(coding which) noexcept {
  switch (which) {
    case coding::gzip:
      return "gzip";
    case coding::zstd:
      return "zstd";
    case coding::identity:
      break;
  }
  return "identity";
}

std::optional<media_type> parse_media_type(std::string_view text) noexcept {
  text = trim(text);
  const auto semicolon = text.find(';');
  const auto essence = trim(text.substr(0, semicolon));
  const auto slash = essence.find('/');
  if (slash == std::string_view::npos) return {};
  const media_type found{
      essence.substr(0, slash), essence.substr(slash + 1),
      semicolon == std::string_view::npos ? std::string_view() : text.substr(semicolon + 1)};
  if (!is_token(found.type) || !is_token(found.subtype)) return {};
  return found;
}

bool same_type(const media_type& a, std::string_view b) noexcept {
  const auto other = parse_media_type(b);
  return other && iequals(a.type, other->type) && iequals(a.subtype, other->subtype);
}

bool is_utf8_charset(const media_type& of) noexcept {
  list_reader parts(of.parameters, ';');
  while (const auto part = parts.next()) {
    const auto parameter = split_parameter(*part);
    if (iequals(parameter.name, "charset")) return iequals(parameter.value.value_or(""), "utf-8");
  }
  return true;
}

bool accepts(std::string_view field, std::string_view type) noexcept {
  const auto wanted = parse_media_type(type);
  if (!wanted) return true;
  int best_rank = 0;
  bool clear = false;  // some range is well-formed
  bool doubt = false;  // another is not, and may have meant `type`
  unsigned weight = 0;
  list_reader list(field);
  while (const auto element = list.next()) {
    const auto read = read_weighted(*element);
    const auto range = read ? parse_media_type(read->item == "*" ? "*/*" : read->item) : std::nullopt;
    if (!range) {
      doubt = true;
      continue;
    }
    clear = true;
    const int rank = rank_of(*read, *range, *wanted);
    if (rank > best_rank) {
      best_rank = rank;
      weight = read->weight;
    }
  }
  if (best_rank == 0) return doubt || !clear;
  return weight > 0;
}

bool is_compressible(std::string_view content_type) noexcept {
  const auto read = parse_media_type(content_type);
  if (!read) return false;
  if (iequals(read->type, "text")) return true;
  if (read->subtype.ends_with("+json") || read->subtype.ends_with("+xml")) return true;
  return iequals(read->type, "application") &&
         (iequals(read->subtype, "json") || iequals(read->subtype, "javascript") ||
          iequals(read->subtype, "xml"));
}

}  // namespace strata::http
