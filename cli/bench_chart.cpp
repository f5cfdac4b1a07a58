// The curve of a sweep as SVG 1.1: miss ratio over size, a line a policy.

#include "cli/bench_report.hpp"

#include "server/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace strata::cli {

namespace {

constexpr double panel_width = 520;
constexpr double panel_height = 440;
constexpr double left = 64, right = 36, top = 64, bottom = 72;  // around the axes of a panel
constexpr double heading = 56;

/// Distinct to any eye (Okabe and Ito 2008); the marks differ too.
constexpr const char* colours[] = {"#0072b2", "#d55e00", "#009e73"};
static_assert(std::size(colours) == eviction_policies.size());

class chart {
 public:
  chart(const trace_contents& what, const capacity_sweep& of)
      : what_(what), of_(of), bytes_(sizes_are_bytes(what, of)), panels_(what.has_sizes ? 2 : 1) {
    double lowest = 1, highest = 1;
    for (const auto& each : of.points) {
      lowest = std::min(lowest, each.fraction);
      highest = std::max(highest, each.fraction);
    }
    from_ = static_cast<int>(std::floor(std::log10(std::max(lowest, 1e-12)) + 1e-9));
    to_ = std::max(std::log10(highest), from_ + 1.0);
  }

  std::string text() {
    const double width = panels_ * panel_width;
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "role=\"img\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n"
        "<title>Miss ratios of {2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        width, heading + panel_height, server::escape_html(what_.trace));
    label(left, 26, "start",
          fmt::format("font-size=\"17\" font-weight=\"bold\">{}", server::escape_html(what_.trace)));
    label(left, 46, "start",
          fmt::format("fill=\"#555\">{} requests, {} objects{}", what_.requests, what_.objects,
                      what_.has_sizes ? ", " + readable_size(what_.bytes, true) : ""));
    panel(0, "Object miss ratio", &replay_result::object_miss_ratio);
    if (panels_ == 2) panel(panel_width, "Byte miss ratio", &replay_result::byte_miss_ratio);
    return out_ + "</svg>\n";
  }

 private:
  using ratio = double (replay_result::*)() const noexcept;

  static double height_of(double ratio) {
    return heading + top + (1 - ratio) * (panel_height - top - bottom);
  }
  double x_of(double fraction) const {
    return left + (std::log10(fraction) - from_) / (to_ - from_) * (panel_width - left - right);
  }
  void label(double x, double y, const char* anchor, const std::string& attributes_and_text) {
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}</text>\n", x, y, anchor,
                        attributes_and_text);
  }
  void line(double x1, double y1, double x2, double y2, const char* how) {
    out_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1, x2,
                        y2, how);
  }

  void panel(double at, const char* title, ratio shown) {
    label(at + left, heading + 24, "start", fmt::format("font-size=\"15\" font-weight=\"bold\">{}", title));
    axes(at);
    if (of_.points.empty()) return;
    for (std::size_t i = 0; i < of_.points.front().policies.size(); ++i) {
      curve(at, i, shown);
      legend(at, i);
    }
  }

  void axes(double at) {
    const double begin = at + left, end = at + panel_width - right;
    const double low = height_of(0), high = height_of(1);
    for (int tenths = 0; tenths <= 10; tenths += 2) {
      const double y = height_of(tenths / 10.0);
      line(begin, y, end, y, tenths == 0 ? "stroke=\"#222\"" : "stroke=\"#ddd\"");
      label(begin - 8, y + 4.5, "end", fmt::format(">{:.1f}", tenths / 10.0));
    }
    for (int power = from_; power <= to_ + 1e-9; ++power) {
      for (int digit = 1; digit < 10; ++digit) {
        const double fraction = digit * std::pow(10, power);
        if (std::log10(fraction) > to_ + 1e-9) break;
        const double x = at + x_of(fraction);
        line(x, low, x, high, digit == 1 ? "stroke=\"#ddd\"" : "stroke=\"#f2f2f2\"");
        if (digit != 1) continue;
        label(x, low + 20, "middle", fmt::format(">{:g} %", fraction * 100));
        const auto size = fraction * static_cast<double>(of_.whole);
        label(x, low + 37, "middle",
              fmt::format("fill=\"#555\" font-size=\"11\">{}",
                          readable_size(static_cast<std::uint64_t>(size), bytes_)));
      }
    }
    line(begin, low, begin, high, "stroke=\"#222\"");
    label((begin + end) / 2, low + 58, "middle",
          of_.counts == replay_counts::memory ? ">memory, of the size that holds every object"
                                              : ">capacity, of all objects' sizes");
    for (const auto& each : of_.points) {
      if (!each.requested) continue;
      const double x = at + x_of(each.fraction);
      line(x, low, x, high, "stroke=\"#888\" stroke-dasharray=\"5 4\"");
      const bool near_end = x > end - 60;
      label(near_end ? x - 5 : x + 5, high + 12, near_end ? "end" : "start",
            fmt::format("fill=\"#555\" font-size=\"11\">{}", readable_size(each.size, bytes_)));
    }
  }

  void mark(double x, double y, std::size_t policy) {
    const char* colour = colours[policy % std::size(colours)];
    if (policy % 3 == 0) {
      out_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", x, y, colour);
    } else if (policy % 3 == 1) {
      out_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"7\" height=\"7\" fill=\"{}\"/>\n", x - 3.5,
                          y - 3.5, colour);
    } else {
      out_ += fmt::format("<path d=\"M{:.1f} {:.1f}l5 9h-10z\" fill=\"{}\"/>\n", x, y - 5.5, colour);
    }
  }

  void curve(double at, std::size_t policy, ratio shown) {
    std::string path;
    for (const auto& each : of_.points) {
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', at + x_of(each.fraction),
                          height_of((each.policies[policy].result.*shown)()));
    }
    out_ += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path,
                        colours[policy % std::size(colours)]);
    for (const auto& each : of_.points) {
      mark(at + x_of(each.fraction), height_of((each.policies[policy].result.*shown)()), policy);
    }
  }

  void legend(double at, std::size_t policy) {
    const double x = at + left + 6 + 104 * static_cast<double>(policy);
    const double y = heading + top - 18;
    line(x - 6, y, x + 18, y, fmt::format("stroke=\"{}\" stroke-width=\"2\"", colours[policy]).c_str());
    mark(x + 6, y, policy);
    label(x + 24, y + 4.5, "start",
          fmt::format(">{}", name(of_.points.front().policies[policy].options.policy)));
  }

  const trace_contents& what_;
  const capacity_sweep& of_;
  const bool bytes_;
  const int panels_;
  int from_ = 0;  // powers of ten, of the fraction
  double to_ = 0;
  std::string out_;
};

}  // namespace

std::string sweep_svg(const trace_contents& what, const capacity_sweep& of) {
  return chart(what, of).text();
}

}  // namespace strata::cli
