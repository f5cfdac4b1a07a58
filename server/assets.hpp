#pragma once
/// Files that are built into the program: style sheets, scripts and images of its pages.
/// Threads: built by one thread, then immutable.

#include <server/representation.hpp>
#include <server/router.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::server {

/// Texts that live as long as the program; server/embed.cmake makes them from files.
struct embedded_file {
  std::string_view name;
  std::string_view bytes;
  std::chrono::sys_seconds modified;
};

/// Serves each file under two names: its own, which caches keep for an hour, and one with the hash of its
/// content
/// (`docs.3f9a0c6d12e4b875.css`), which they keep for a year without asking (`immutable`). The files are
/// compressed once, when the library is made, and byte ranges of them are served.
class asset_library {
 public:
  /// `base` is the path of the folder, e.g. "/assets".
  /// Throws std::invalid_argument if a name is repeated or has an extension of no known type.
  asset_library(std::span<const embedded_file> files, std::string base);

  /// The path of a file with its hash, for a page to refer to. Throws std::out_of_range if there is no such
  /// file.
  std::string_view path(std::string_view name) const;

  /// Adds the route that serves the files, behind the steps `before`. Lifetime: the library outlives `to`.
  void serve(router& to, std::vector<step> before = {}) const;

 private:
  struct asset {
    std::shared_ptr<const representation> content;
    bool hashed = false;
  };
  void add(std::string name, asset what);

  std::string base_;
  std::map<std::string, asset, std::less<>> assets_;       // by both names
  std::map<std::string, std::string, std::less<>> paths_;  // by the file's own name
};

}  // namespace strata::server
