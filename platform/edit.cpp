#include "platform/edit.hpp"

#include <boost/json/value.hpp>

namespace strata::platform {

std::expected<stored_document, response> put_document_of(const request& from) {
  auto body = parsed_body(from, json::number_rule::nearest);  // the text keeps every digit
  if (!body) return std::unexpected(std::move(body.error()));
  std::vector<field_problem> problems;
  auto text = read_document(*body, from.body(), "", problems);
  if (!text) return std::unexpected(unprocessable(problems));
  stored_document value;
  value.id = from.path_parameter("id");
  value.document = std::move(*text);
  return value;
}

}  // namespace strata::platform
