#pragma once
/// The words of the demo platform.
/// Threads: constants.

#include <array>
#include <span>
#include <string_view>

namespace strata::platform::demo {

/// A kind of work an organization has agents for.
struct area {
  std::string_view name;   ///< begins an agent's name: "Customs"
  std::string_view input;  ///< the input of such an agent
  std::string_view owner;  ///< to whom it hands over
};

/// A task that an agent does with its input.
struct job {
  std::string_view name;     ///< ends an agent's name: "triage"
  std::string_view does;     ///< "{}" is the area's input
  std::string_view handles;  ///< when it stops and asks; "{}" is the area's owner
  std::string_view tool;     ///< the tool it has besides search and handover
};

struct home {
  std::string_view name, slug, domain, plan;
  std::span<const area> areas;
};

/// A kind of listing in the marketplace.
struct shelf {
  std::string_view noun;                  ///< ends a listing's name: "Calendar"
  std::array<std::string_view, 3> texts;  ///< descriptions
  std::string_view registry;              ///< where its package is
};

std::span<const home> homes();
std::span<const job> jobs();
std::span<const shelf> shelves();
std::span<const std::string_view> first_names();
std::span<const std::string_view> last_names();
std::span<const std::string_view> models();
std::span<const std::string_view> brands();
std::span<const std::string_view> publishers();

}  // namespace strata::platform::demo
