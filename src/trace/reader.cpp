#include "trace/lines.hpp"

namespace strata {

struct trace_reader::state {
  state(const std::filesystem::path& named, std::unique_ptr<detail::file_bytes> opened)
      : path(named.string()), file(std::move(opened)) {}

  std::string path;
  std::unique_ptr<detail::file_bytes> file;
  detail::unzipped_bytes bytes{*file};
  detail::trace_lines lines{bytes};
};

trace_reader::trace_reader(std::unique_ptr<state> held) : state_(std::move(held)) {
}
trace_reader::trace_reader(trace_reader&&) noexcept = default;
trace_reader& trace_reader::operator=(trace_reader&&) noexcept = default;
trace_reader::~trace_reader() = default;

result<trace_reader> trace_reader::open(const std::filesystem::path& file) {
  auto opened = detail::file_bytes::open(file);
  if (!opened) return std::unexpected(std::move(opened.error()));
  return trace_reader(std::make_unique<state>(file, std::move(*opened)));
}

result<bool> trace_reader::next(trace_request& into) {
  auto more = state_->lines.next(into);
  if (!more) more.error().detail.insert(0, state_->path + ':');
  return more;
}

byte_size trace_reader::position() const noexcept {
  return {state_->file->position()};
}
byte_size trace_reader::file_size() const noexcept {
  return {state_->file->size()};
}

}  // namespace strata
