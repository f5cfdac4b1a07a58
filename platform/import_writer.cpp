#include "platform/import_writer.hpp"

#include "platform/ids.hpp"

#include <strata/rfc3339.hpp>
#include <strata/time.hpp>

#include <fmt/format.h>

namespace strata::platform {

std::optional<std::string> read_id(field_reader& in, std::string_view name, std::string_view prefix) {
  auto id = in.text(name, {.min = 1, .max = 64});
  if (id && !well_formed_id(prefix, *id)) {
    in.problem(name, fmt::format("must be {} and 12 to 60 characters of A-Z a-z 0-9 _ -", prefix));
    id.reset();
  }
  return id;
}

std::string read_created_at(field_reader& in) {
  const auto text = in.text("created_at", {.max = 64, .otherwise = ""});
  if (!text || text->empty()) return {};
  if (const auto time = parse_rfc3339(*text)) return rfc3339(*time);
  in.problem("created_at", "must be a time such as 2025-05-16T18:56:49Z");
  return {};
}

std::optional<json::raw> read_document_field(field_reader& in, std::string_view name) {
  const auto* found = in.any(name);
  if (found == nullptr) return {};
  std::vector<field_problem> problems;
  auto out = read_document(*found, pointer_to(name), problems);
  for (auto& each : problems) in.problem_at(std::move(each.where), std::move(each.detail));
  return out;
}

import_result checked(field_reader& in, import_action action) {
  if (auto problems = in.finish(); !problems.empty()) return std::unexpected(std::move(problems));
  return action;
}

import_outcome import_writer::refuse(std::string field, std::string detail) {
  problems.push_back({line_, std::move(field), std::move(detail)});
  return import_outcome::refused;
}

}  // namespace strata::platform
