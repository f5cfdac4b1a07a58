#include "admin/console.hpp"

#include <strata/key.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace strata::admin {

namespace {

constexpr std::string_view page_name = "console.html";

/// The files that the page refers to.
const server::asset_library& assets() {
  static const auto made = [] {
    std::vector<server::embedded_file> files(embedded_files().begin(), embedded_files().end());
    std::erase_if(files, [](const auto& each) { return each.name == page_name; });
    return server::asset_library(files, "/console/assets");
  }();
  return made;
}

/// The page, with each `{{NAME}}` replaced by the path of that file with its hash.
std::string page_text() {
  std::string out;
  for (const auto& each : embedded_files()) {
    if (each.name == page_name) out = each.bytes;
  }
  for (auto at = out.find("{{"); at != std::string::npos; at = out.find("{{", at)) {
    const auto end = out.find("}}", at);
    out.replace(at, end + 2 - at, assets().path(std::string_view(out).substr(at + 2, end - at - 2)));
  }
  return out;
}

}  // namespace

void add_console(server::router& to, std::vector<server::step> before) {
  const auto text = page_text();
  const auto page =
      std::make_shared<const server::representation>(text, server::static_text("text/html; charset=utf-8"),
                                                     '"' + std::to_string(stable_hash_of(text)) + '"');
  auto routes = to.group(before);
  routes.get("/console/", [page](server::request&) -> task<server::response> { return server::ok(page); },
             {.cache_control = "no-cache", .produces = "text/html"});
  for (const char* each : {"/", "/console"}) {
    routes.get(each, [](server::request&) -> task<server::response> { return server::redirect("/console/"); },
               {.produces = {}});
  }
  assets().serve(to, std::move(before));
}

}  // namespace strata::admin
