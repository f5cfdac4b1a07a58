#include "cli/load.hpp"

#include "cli/settings.hpp"
#include "cli/toml.hpp"
#include "gateway/file.hpp"

#include <fmt/format.h>
#include <strata/json.hpp>
#include <strata/open.hpp>

#include <algorithm>
#include <filesystem>

namespace strata::cli {

namespace {

constexpr std::string_view default_file = "strata.toml";
constexpr std::string_view masked = "********";
constexpr strata::byte_size largest_file{1u << 20};

std::string with_hint(std::string text, const std::string& near) {
  return near.empty() ? text : fmt::format("{}; did you mean \"{}\"?", text, near);
}

bool fits(setting_kind wanted, toml_kind found) {
  switch (wanted) {
    case setting_kind::text:
    case setting_kind::duration:
    case setting_kind::size:
      return found == toml_kind::text;
    case setting_kind::count:
      return found == toml_kind::integer;
    case setting_kind::fraction:
      return found == toml_kind::number || found == toml_kind::integer;
    case setting_kind::yes_no:
      return found == toml_kind::boolean;
    case setting_kind::texts:
      return found == toml_kind::texts;
  }
  return false;
}

/// Collects values and problems from all sources, weakest first.
class loader {
 public:
  explicit loader(const gateway::config& defaults) : table_(settings(defaults)), out_{.values = defaults} {
    for (const auto& each : table_) {
      keys_.push_back(each.key);
      out_.origins[each.key] = "default";
      // The tables themselves: "limits", "entity", "entity.agent".
      for (auto dot = each.key.find('.'); dot != std::string::npos; dot = each.key.find('.', dot + 1)) {
        const auto section = each.key.substr(0, dot);
        if (std::ranges::find(sections_, section) == sections_.end()) sections_.push_back(section);
      }
    }
  }

  void read_file(const std::string& file) {
    const auto text = gateway::read_file(file, largest_file);
    if (!text) {
      problems_.push_back(fmt::format("{}: {}", file, text.error().detail));
      return;
    }
    const auto entries = read_toml(*text);
    if (!entries) {
      const auto& [detail, at] = entries.error();
      problems_.push_back(fmt::format("{}:{}:{}: {}", file, at.line, at.column, detail));
      return;
    }
    for (const auto& each : *entries) read_entry(file, each);
  }

  void read_environment(const std::map<std::string, std::string>& environment) {
    std::vector<std::string> names{"STRATA_CONFIG"};
    for (const auto& each : table_) names.push_back(each.variable());
    for (const auto& [name, text] : environment) {
      if (!name.starts_with("STRATA_") || name == "STRATA_CONFIG") continue;
      const auto found = std::ranges::find(table_, name, &setting::variable);
      if (found != table_.end()) {
        read_text(*found, text, name);
        continue;
      }
      // Not an error: variables of other programs may begin alike (Kubernetes sets STRATA_SERVICE_HOST for a
      // service called strata).
      out_.warnings.push_back(
          with_hint(fmt::format("the environment variable {} is not a setting", name), nearest(name, names)));
    }
  }

  void read_flags(const std::vector<std::pair<std::string, std::string>>& flags) {
    for (const auto& [key, text] : flags) {
      const auto found = std::ranges::find(table_, key, &setting::key);
      if (found == table_.end()) {
        problems_.push_back(fmt::format("no setting is called {}", key));
      } else {
        read_text(*found, text, found->flag());
      }
    }
  }

  std::expected<loaded_config, config_problems> finish() {
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    for (const auto& each : problems(out_.values)) {
      const auto place = places_.find(each.key);
      const auto prefix = place == places_.end() ? "" : place->second + ": ";
      problems_.push_back(fmt::format("{}{}: {}", prefix, each.key, each.detail));
    }
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    return std::move(out_);
  }

 private:
  void read_entry(const std::string& file, const toml_entry& entry) {
    const auto place = [&](const toml_place& at) {
      return fmt::format("{}:{}:{}", file, at.line, at.column);
    };
    const bool section = std::ranges::find(sections_, entry.key) != sections_.end();
    if (section) {
      if (entry.kind != toml_kind::table) {
        problems_.push_back(fmt::format("{}: {} is a table, written [{}], not {}", place(entry.value_at),
                                        entry.key, entry.key, name(entry.kind)));
      }
      return;
    }
    const auto found = std::ranges::find(table_, entry.key, &setting::key);
    if (found == table_.end()) {
      // The table itself was reported.
      if (!unknown_table_.empty() && entry.key.starts_with(unknown_table_)) return;
      const bool is_table = entry.kind == toml_kind::table;
      if (is_table) unknown_table_ = entry.key + '.';
      problems_.push_back(with_hint(
          fmt::format("{}: unknown {} \"{}\"", place(entry.key_at), is_table ? "table" : "key", entry.key),
          nearest(entry.key, is_table ? sections_ : keys_)));
      return;
    }
    if (!fits(found->kind, entry.kind)) {
      const bool other_list = found->kind == setting_kind::texts && entry.kind == toml_kind::array;
      problems_.push_back(fmt::format("{}: {} is {}, not {}", place(entry.value_at), entry.key,
                                      name(found->kind), other_list ? "this one" : name(entry.kind)));
      return;
    }
    if (auto done = found->read(out_.values, entry.text); !done) {
      problems_.push_back(
          fmt::format("{}: {}: {}", place(entry.value_at), entry.key, shown(*found, done.error().detail)));
      return;
    }
    out_.origins[entry.key] = fmt::format("{}:{}", file, entry.key_at.line);
    places_[entry.key] = place(entry.value_at);
  }

  void read_text(const setting& which, const std::string& text, const std::string& from) {
    if (auto done = which.read(out_.values, text); !done) {
      problems_.push_back(fmt::format("{}: {}", from, shown(which, done.error().detail)));
      return;
    }
    out_.origins[which.key] = from;
    places_[which.key] = from;
  }

  static std::string shown(const setting& which, const std::string& detail) {
    return which.secret ? "is not valid" : detail;
  }

  std::vector<setting> table_;
  std::vector<std::string> keys_;
  std::vector<std::string> sections_;
  std::string unknown_table_;
  std::map<std::string, std::string> places_;  // where each given value stands
  loaded_config out_;
  config_problems problems_;
};

std::string shown_value(const setting& each, const gateway::config& values) {
  auto text = each.write(values);
  if (each.key == "database" || each.key == "store") return without_password(text);
  return each.secret && !text.empty() ? std::string(masked) : text;
}

bool quoted(setting_kind kind) {
  return kind == setting_kind::text || kind == setting_kind::duration || kind == setting_kind::size;
}

/// TOML's basic strings escape as JSON's do.
std::string in_quotes(std::string_view text) {
  return strata::json::text_of(text);
}

/// `a,b` as `["a", "b"]`.
std::string as_list(std::string_view texts) {
  std::string out;
  while (!texts.empty()) {
    const auto item = texts.substr(0, texts.find(','));
    out += (out.empty() ? "" : ", ") + in_quotes(item);
    texts.remove_prefix(std::min(item.size() + 1, texts.size()));
  }
  return '[' + out + ']';
}

/// Edits (insert, delete, replace) from `a` to `b`; Wagner and Fischer, two rows.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::expected<loaded_config, config_problems> load(const gateway::config& defaults,
                                                   const config_sources& sources) {
  loader loader(defaults);
  const auto named = sources.environment.find("STRATA_CONFIG");
  if (sources.file) {
    loader.read_file(*sources.file);
  } else if (named != sources.environment.end()) {
    loader.read_file(named->second);
  } else if (std::error_code ignored; std::filesystem::exists(default_file, ignored)) {
    loader.read_file(std::string(default_file));
  }
  loader.read_environment(sources.environment);
  loader.read_flags(sources.flags);
  return loader.finish();
}

std::string print_config(const loaded_config& loaded) {
  std::string out;
  std::string section;
  for (const auto& each : settings(loaded.values)) {
    const auto dot = each.key.rfind('.');
    const auto above = dot == std::string::npos ? std::string() : each.key.substr(0, dot);
    if (above != section) {
      section = above;
      out += fmt::format("\n[{}]\n", section);
    }
    std::string value = shown_value(each, loaded.values);
    if (quoted(each.kind)) value = in_quotes(value);
    if (each.kind == setting_kind::texts) value = as_list(value);
    const auto line =
        fmt::format("{} = {}", dot == std::string::npos ? each.key : each.key.substr(dot + 1), value);
    out += fmt::format("{:<40} # {}\n", line, loaded.origins.at(each.key));
  }
  return out;
}

std::string print_config_json(const loaded_config& loaded) {
  std::string out = "[";
  for (const auto& each : settings(loaded.values)) {
    if (out.size() > 1) out += ",\n ";
    out += R"({"key":)";
    out += strata::json::text_of(each.key);
    out += R"(,"value":)";
    out += strata::json::text_of(shown_value(each, loaded.values));
    out += R"(,"origin":)";
    out += strata::json::text_of(loaded.origins.at(each.key));
    out += '}';
  }
  return out + "]\n";
}

std::string nearest(const std::string& text, const std::vector<std::string>& known) {
  std::string best;
  std::size_t least = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const auto& each : known) {
    if (const auto edits = distance(text.substr(0, 100), each); edits < least) {
      least = edits;
      best = each;
    }
  }
  return best;
}

}  // namespace strata::cli
