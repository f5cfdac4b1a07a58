#include "cli/program.hpp"

#include <unistd.h>

int main(int count, char** arguments) {
  strata::cli::program_input input;
  for (int i = 1; i < count; ++i) input.arguments.emplace_back(arguments[i]);
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view text = *each;
    if (!text.starts_with("STRATA_")) continue;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) {
      input.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return strata::cli::run(input);
}
