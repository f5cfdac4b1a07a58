#include "server/assets.hpp"

#include <strata/key.hpp>

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace strata::server {

namespace {

constexpr std::string_view for_a_year = "public, max-age=31536000, immutable";
constexpr std::string_view for_an_hour = "public, max-age=3600";

static_text type_of(std::string_view name) {
  static constexpr std::pair<std::string_view, static_text> types[] = {
      {".css", "text/css; charset=utf-8"},
      {".html", "text/html; charset=utf-8"},
      {".ico", "image/x-icon"},
      {".js", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".png", "image/png"},
      {".svg", "image/svg+xml"},
      {".txt", "text/plain; charset=utf-8"},
      {".webp", "image/webp"},
      {".woff2", "font/woff2"},
  };
  for (const auto& [extension, type] : types) {
    if (name.ends_with(extension)) return type;
  }
  throw std::invalid_argument("the asset " + std::string(name) + " has no known type");
}

/// `docs.css` and a hash: `docs.3f9a0c6d12e4b875.css`.
std::string with_hash(std::string_view name, std::string_view hash) {
  const auto dot = name.rfind('.');
  return fmt::format("{}.{}{}", name.substr(0, dot), hash, name.substr(dot));
}

}  // namespace

asset_library::asset_library(std::span<const embedded_file> files, std::string base)
    : base_(std::move(base)) {
  for (const auto& each : files) {
    const auto hash = fmt::format("{:016x}", stable_hash_of(each.bytes));
    auto content = std::make_shared<representation>(each.bytes, type_of(each.name), '"' + hash + '"',
                                                    wall_time(each.modified));
    content->precompress();
    auto hashed = with_hash(each.name, hash);
    paths_.emplace(each.name, base_ + '/' + hashed);
    add(std::string(each.name), {content, false});
    add(std::move(hashed), {content, true});
  }
}

void asset_library::add(std::string name, asset what) {
  const auto [at, added] = assets_.emplace(std::move(name), std::move(what));
  if (!added) throw std::invalid_argument("there are two assets called " + at->first);
}

std::string_view asset_library::path(std::string_view name) const {
  const auto found = paths_.find(name);
  if (found == paths_.end()) throw std::out_of_range("no asset is called " + std::string(name));
  return found->second;
}

void asset_library::serve(router& to, std::vector<step> before) const {
  to.group(std::move(before))
      .get(base_ + "/{name}",
           [this](request& from) -> task<response> {
             const auto found = assets_.find(from.path_parameter("name"));
             if (found == assets_.end()) return problem(404, "no file has this name");
             auto out = ok(found->second.content);
             out.ranges = true;
             out.cache_control = found->second.hashed ? for_a_year : for_an_hour;
             return out;
           },
           {.produces = {}});
}

}  // namespace strata::server
