#include "server/content_fields.hpp"

#include "http/compose.hpp"
#include "http/date.hpp"
#include "http/etag.hpp"
#include "http/negotiate.hpp"

#include <chrono>

namespace strata::server {

namespace {

constexpr std::size_t smallest_encoded = 1024;

/// A page loads its own server's files and nothing else: no inline script or style, no frame around it.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src "
    "'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// True for what a browser shows as a document, in which a script could run.
bool is_document(std::string_view content_type) {
  return content_type.starts_with("text/html") || content_type.starts_with("image/svg+xml");
}

}  // namespace

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

bool is_encodable(std::size_t size, std::string_view content_type) noexcept {
  return size >= smallest_encoded && http::is_compressible(content_type);
}

std::string coded_etag(std::string_view etag, content_coding coding) {
  std::string coded(etag);
  if (etag.empty() || coding == content_coding::identity) return coded;
  coded.insert(coded.size() - 1, coding == content_coding::gzip ? http::gzip_suffix : http::zstd_suffix);
  return coded;
}

void append_content_fields(std::string& out, const content_fields& of) {
  if (!of.content_type.empty()) append_field(out, "Content-Type", of.content_type);
  out += "Content-Length: ";
  http::append_number(out, of.length);
  out += "\r\n";
  if (of.coding != content_coding::identity) {
    append_field(out, "Content-Encoding", http::name(static_cast<http::coding>(of.coding)));
  }
  if (is_document(of.content_type)) append_field(out, "Content-Security-Policy", content_security_policy);
  append_validator_fields(out, of);
}

void append_last_modified(std::string& out, std::optional<wall_time> at) {
  if (!at) return;
  append_field(out, "Last-Modified", http::format_date(std::chrono::floor<std::chrono::seconds>(*at)));
}

void append_validator_fields(std::string& out, const content_fields& of) {
  if (!of.etag.empty()) append_field(out, "ETag", of.etag);
  append_last_modified(out, of.last_modified);
  if (of.varies) out += "Vary: Accept-Encoding\r\n";
}

}  // namespace strata::server
