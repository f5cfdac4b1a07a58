#include "server/representation.hpp"

#include "http/compose.hpp"
#include "http/date.hpp"
#include "http/etag.hpp"
#include "http/negotiate.hpp"
#include "server/encode.hpp"
#include "server/response_writer.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

namespace strata::server {

namespace {

/// Marks that encoding does not pay, so that it is not tried again.
const representation::form& not_smaller() {
  static const representation::form none;
  return none;
}

}  // namespace

representation::representation(std::string_view body, static_text content_type, std::string_view etag,
                               std::optional<wall_time> last_modified, date_use use)
    : content_type_(content_type.text), last_modified_(last_modified), date_use_(use) {
  if (!etag.empty() && !http::parse_etag(etag)) {
    throw std::invalid_argument("the entity tag " + std::string(etag) + " is malformed");
  }
  encodable_ = is_encodable(body.size(), content_type_);
  identity_ = compose(body, etag, content_coding::identity);
}

representation::~representation() {
  for (auto& each : encoded_) {
    const auto* form = each.load(std::memory_order_acquire);
    if (form != &not_smaller()) delete form;
  }
}

representation::representation(representation&& other) noexcept
    : content_type_(other.content_type_),
      last_modified_(other.last_modified_),
      date_use_(other.date_use_),
      encodable_(other.encodable_),
      identity_(std::move(other.identity_)) {
  for (std::size_t i = 0; i < encoded_.size(); ++i) encoded_[i].store(other.encoded_[i].exchange(nullptr));
}

std::size_t representation::bytes() const noexcept {
  std::size_t sum = sizeof *this + identity_.wire_.capacity();
  for (const auto& each : encoded_) {
    const auto* form = each.load(std::memory_order_acquire);
    if (form != nullptr && form != &not_smaller()) sum += sizeof *form + form->wire_.capacity();
  }
  return sum;
}

const representation::form* representation::encoded(content_coding coding) const {
  if (coding == content_coding::identity) return &identity_;
  if (!encodable_) return nullptr;
  auto& slot = encoded_[static_cast<std::size_t>(coding)];
  const auto* found = slot.load(std::memory_order_acquire);
  if (found == nullptr) found = keep(coding, encode(body(), coding));
  return found == &not_smaller() ? nullptr : found;
}

void representation::precompress() const {
  if (!encodable_) return;
  for (const auto each : {content_coding::gzip, content_coding::zstd}) {
    keep(each, encode(body(), each, effort::most));
  }
}

/// Two threads may both have encoded it; every thread keeps the first one's form.
const representation::form* representation::keep(content_coding coding,
                                                 std::optional<std::string> encoded) const {
  std::unique_ptr<const form> created;
  if (encoded) created = std::make_unique<const form>(compose(*encoded, etag(), coding));
  const form* mine = created ? created.get() : &not_smaller();
  const form* found = nullptr;
  auto& slot = encoded_[static_cast<std::size_t>(coding)];
  if (!slot.compare_exchange_strong(found, mine, std::memory_order_acq_rel)) return found;
  static_cast<void>(created.release());
  return mine;
}

representation::form representation::compose(std::string_view body, std::string_view etag,
                                             content_coding coding) const {
  static constexpr std::string_view before_etag = "ETag: ";
  form composed;
  const auto coded = coded_etag(etag, coding);
  composed.wire_.reserve(192 + coded.size() + body.size());
  append_last_modified(composed.wire_, last_modified_);
  composed.undated_at_ = composed.wire_.size();
  append_content_fields(composed.wire_, {.content_type = content_type_,
                                         .length = body.size(),
                                         .coding = coding,
                                         .etag = coded,
                                         .last_modified = {},
                                         .varies = encodable_});
  if (!coded.empty()) {
    composed.etag_at_ = composed.wire_.find(before_etag) + before_etag.size();
    composed.etag_size_ = coded.size();
  }
  composed.wire_ += "\r\n";
  composed.body_at_ = composed.wire_.size();
  composed.wire_ += body;
  return composed;
}

}  // namespace strata::server
