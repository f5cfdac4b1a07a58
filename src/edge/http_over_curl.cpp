// HTTP by libcurl's multi interface, which one thread drives.

#include "core/mutex.hpp"
#include "core/option_problems.hpp"

#include "async/one_shot.hpp"

#include <strata/edge.hpp>

#include <curl/curl.h>

#include <array>
#include <deque>
#include <map>
#include <thread>

namespace strata {

namespace {

constexpr std::size_t most_body = 64u << 10;
constexpr std::size_t most_fields = 100;
constexpr const char* stopping = "this process is stopping";

using reply = std::shared_ptr<detail::one_shot<edge_response>>;

/// curl_global_init counts its calls, but is not to be called by two threads at once.
void start_curl() {
  static const auto started = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(started);
}

/// A request on its way.
class exchange {
 public:
  exchange(edge_request what, reply to) : request_(std::move(what)), reply_(std::move(to)) {}
  ~exchange() {
    curl_easy_cleanup(easy_);
    curl_slist_free_all(list_);
  }
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  /// The handle, ready to be added. Null if libcurl has no memory.
  CURL* prepare(const edge_http_options& options) {
    easy_ = curl_easy_init();
    if (easy_ == nullptr) return nullptr;
    for (const auto& [name, value] : request_.fields) add_field(name + ": " + value);
    add_field("Expect:");  // no wait for 100 Continue
    const auto whole = [](duration span) {
      return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(span).count());
    };
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, whole(options.timeout));
    set(CURLOPT_CONNECTTIMEOUT_MS, whole(options.connect_timeout));
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_USERAGENT, "strata");
    set(CURLOPT_ERRORBUFFER, problem_.data());
    if (request_.method == "POST" || request_.method == "PUT") {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      set(CURLOPT_POSTFIELDS, request_.body.c_str());
    }
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    set(CURLOPT_HTTPHEADER, list_);
    set(CURLOPT_WRITEFUNCTION, &take_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &take_field);
    set(CURLOPT_HEADERDATA, this);
    return easy_;
  }

  CURL* handle() const noexcept { return easy_; }

  void finish(CURLcode code) {
    if (code == CURLE_OK) {
      long status = 0;
      curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
      answer_.status = static_cast<int>(status);
    } else {
      fail(problem_[0] != '\0' ? problem_.data() : curl_easy_strerror(code));
    }
    reply_->set(std::move(answer_));
  }
  void refuse(std::string why) {
    fail(std::move(why));
    reply_->set(std::move(answer_));
  }

 private:
  void fail(std::string why) { answer_ = {.trouble = std::move(why), .status = 0, .fields = {}, .body = {}}; }

  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(easy_, option, value);
  }
  void add_field(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }

  static std::size_t take_body(char* from, std::size_t, std::size_t size, void* to) {
    auto& body = static_cast<exchange*>(to)->answer_.body;
    body.append(from, std::min(size, most_body - body.size()));
    return size;
  }
  static std::size_t take_field(char* from, std::size_t, std::size_t size, void* to) {
    auto& fields = static_cast<exchange*>(to)->answer_.fields;
    std::string_view line(from, size);
    if (line.starts_with("HTTP/")) fields.clear();  // a new head, after 100 Continue
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || fields.size() >= most_fields) return size;
    std::string name(line.substr(0, colon));
    for (char& each : name) {
      if (each >= 'A' && each <= 'Z') each = static_cast<char>(each + ('a' - 'A'));
    }
    auto value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    value = value.substr(0, value.find_last_not_of(" \t\r\n") + 1);
    fields.emplace_back(std::move(name), value);
    return size;
  }

  edge_request request_;
  reply reply_;
  edge_response answer_;
  CURL* easy_ = nullptr;
  curl_slist* list_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> problem_{};
};

/// Threads: internally locked; libcurl is its own thread's.
class http_over_curl final : public edge_http {
 public:
  explicit http_over_curl(edge_http_options options) : options_(options) {
    start_curl();
    multi_ = curl_multi_init();
    thread_ = std::thread([this] { run(); });
  }
  ~http_over_curl() override {
    stop();
    thread_.join();
    curl_multi_cleanup(multi_);
  }

  void stop() override {
    {
      const detail::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_);
  }

  task<edge_response> send(edge_request what) override {
    auto answer = std::make_shared<detail::one_shot<edge_response>>();
    auto work = std::make_unique<exchange>(std::move(what), answer);
    co_return co_await answer->wait_for(
        [this, waiting = std::move(work)]() mutable -> std::optional<edge_response> {
          {
            const detail::scoped_lock lock(mutex_);
            if (ended_) return edge_response{.trouble = stopping, .status = 0, .fields = {}, .body = {}};
            waiting_.push_back(std::move(waiting));
          }
          curl_multi_wakeup(multi_);
          return std::nullopt;
        });
  }

 private:
  void run() {
    while (begin_waiting()) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      finish_done();
      curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    for (auto& [handle, each] : open_) {
      curl_multi_remove_handle(multi_, handle);
      each->refuse(stopping);
    }
    open_.clear();
    std::deque<std::unique_ptr<exchange>> rest;
    {
      const detail::scoped_lock lock(mutex_);
      ended_ = true;
      rest = std::exchange(waiting_, {});
    }
    for (auto& each : rest) each->refuse(stopping);
  }

  /// Returns false once it is to stop.
  bool begin_waiting() {
    std::deque<std::unique_ptr<exchange>> fresh;
    {
      const detail::scoped_lock lock(mutex_);
      if (stopping_) return false;
      fresh = std::exchange(waiting_, {});
    }
    for (auto& each : fresh) {
      auto* const handle = each->prepare(options_);
      if (handle == nullptr || curl_multi_add_handle(multi_, handle) != CURLM_OK) {
        each->refuse("libcurl cannot begin a request");
        continue;
      }
      open_.emplace(handle, std::move(each));
    }
    return true;
  }

  void finish_done() {
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto found = open_.find(message->easy_handle);
      const auto code = message->data.result;
      curl_multi_remove_handle(multi_, message->easy_handle);
      if (found == open_.end()) continue;
      const auto done = std::move(found->second);
      open_.erase(found);
      done->finish(code);
    }
  }

  const edge_http_options options_;
  CURLM* multi_ = nullptr;
  std::map<CURL*, std::unique_ptr<exchange>> open_;  // the thread's
  detail::mutex mutex_;
  std::deque<std::unique_ptr<exchange>> waiting_ STRATA_GUARDED_BY(mutex_);
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
  bool ended_ STRATA_GUARDED_BY(mutex_) = false;  ///< the thread takes no request any more
  std::thread thread_;
};

}  // namespace

std::shared_ptr<edge_http> open_edge_http(edge_http_options options) {
  detail::option_problems problems;
  problems.require(options.timeout >= std::chrono::milliseconds(1),
                   "edge_http_options.timeout is below 1 ms");
  problems.require(options.connect_timeout >= std::chrono::milliseconds(1),
                   "edge_http_options.connect_timeout is below 1 ms");
  problems.throw_if_any();
  return std::make_shared<http_over_curl>(options);
}

}  // namespace strata
