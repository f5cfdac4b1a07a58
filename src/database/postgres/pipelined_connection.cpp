#include "database/postgres/pipelined_connection.hpp"

#include "database/postgres/sql_text.hpp"
#include "database/postgres/sqlstate.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>

#include <charconv>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

namespace strata::detail {

namespace asio = boost::asio;

namespace {

using descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;
using result_handle = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::string_view field_of(const PGresult* from, int which) {
  const char* text = PQresultErrorField(from, which);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

/// How many rows "UPDATE 3" or "INSERT 0 3" tells; 0 for what changes none.
std::int64_t changed_by(PGresult* from) {
  const std::string_view tag = PQcmdStatus(from);
  if (!tag.starts_with("INSERT") && !tag.starts_with("UPDATE") && !tag.starts_with("DELETE") &&
      !tag.starts_with("MERGE")) {
    return 0;
  }
  const std::string_view digits = PQcmdTuples(from);
  std::int64_t count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return count;
}

sql_rows rows_of(PGresult* from) {
  const int width = PQnfields(from);
  const int height = PQntuples(from);
  std::vector<std::string> columns;
  columns.reserve(static_cast<std::size_t>(width));
  for (int i = 0; i < width; ++i) columns.emplace_back(PQfname(from, i));
  std::vector<std::vector<sql_value>> rows(static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    auto& row = rows[static_cast<std::size_t>(y)];
    row.reserve(static_cast<std::size_t>(width));
    for (int x = 0; x < width; ++x) {
      if (PQgetisnull(from, y, x) != 0) {
        row.emplace_back();
      } else {
        const std::string_view text(PQgetvalue(from, y, x),
                                    static_cast<std::size_t>(PQgetlength(from, y, x)));
        row.push_back(value_of(text, static_cast<pg_type>(PQftype(from, x))));
      }
    }
  }
  return sql_rows(std::move(columns), std::move(rows), changed_by(from));
}

/// The statement's rows, or why it has none although the server reports success.
result<sql_rows> outcome_of(PGresult* from, const command& of) {
  if (of.what == command::role::control && of.text == "COMMIT" &&
      std::string_view(PQcmdStatus(from)) != "COMMIT") {
    return fail(errc::statement, "the transaction was rolled back: a statement in it had failed");
  }
  return rows_of(from);
}

}  // namespace

/// Waits at a descriptor of its own: libpq closes its socket by itself when a connection breaks, and the
/// next one to be opened has that number.
struct pipelined_connection::watch {
  watch(asio::io_context& on, int connection) : loop(on), socket(on.get_executor()) {
    const int own = ::fcntl(connection, F_DUPFD_CLOEXEC, 0);
    if (own >= 0) socket.assign(own);
  }
  asio::io_context& loop;
  descriptor socket;
};

std::shared_ptr<pipelined_connection> pipelined_connection::make(asio::io_context& on,
                                                                 connection_handle connection, owner& of,
                                                                 server_address::role as) {
  std::shared_ptr<pipelined_connection> made(new pipelined_connection(on, std::move(connection), of, as));
  if (made->watch_->socket.is_open()) {
    made->read_later();
  } else {
    made->give_up({errc::database_unavailable, "no descriptor is left to wait for PostgreSQL at"});
  }
  return made;
}

pipelined_connection::pipelined_connection(asio::io_context& on, connection_handle connection, owner& of,
                                           server_address::role as)
    : connection_(std::move(connection)),
      watch_(std::make_unique<watch>(on, PQsocket(connection_.get()))),
      owner_(&of),
      role_(as) {
}

pipelined_connection::~pipelined_connection() = default;

bool pipelined_connection::in_transaction() const noexcept {
  const auto status = PQtransactionStatus(connection_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

bool pipelined_connection::refuses_writes() const noexcept {
  // The server reports these two by itself, whenever they change.
  const auto is_on = [this](const char* setting) {
    const char* value = PQparameterStatus(connection_.get(), setting);
    return value != nullptr && std::string_view(value) == "on";
  };
  return refused_write_ || is_on("in_hot_standby") || is_on("default_transaction_read_only");
}

void pipelined_connection::send(command_ptr next) {
  auto* const to = connection_.get();
  const auto plan = pipeline_.add(std::move(next));
  bool sent = true;
  for (const auto& each : plan.deallocate) {
    const auto text = "DEALLOCATE " + each;
    sent = sent && PQsendQueryParams(to, text.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 1;
  }
  texts_.set(plan.what->values);
  const auto& text = plan.what->text;
  if (plan.name.empty()) {
    sent = sent && PQsendQueryParams(to, text.c_str(), texts_.size(), nullptr, texts_.data(), nullptr,
                                     nullptr, 0) == 1;
  } else {
    const std::string name(plan.name);
    if (plan.prepare) sent = sent && PQsendPrepare(to, name.c_str(), text.c_str(), 0, nullptr) == 1;
    sent =
        sent && PQsendQueryPrepared(to, name.c_str(), texts_.size(), texts_.data(), nullptr, nullptr, 0) == 1;
  }
  if (!sent) give_up({errc::database_unavailable, PQerrorMessage(to)});
}

void pipelined_connection::sync() {
  if (broken_) return;
  pipeline_.add_sync();
  if (PQpipelineSync(connection_.get()) != 1) {
    return give_up({errc::database_unavailable, PQerrorMessage(connection_.get())});
  }
  flush();
}

void pipelined_connection::flush() {
  if (writing_ || broken_) return;
  const int left = PQflush(connection_.get());
  if (left == 0) return;
  if (left < 0) return give_up({errc::database_unavailable, PQerrorMessage(connection_.get())});
  writing_ = true;
  watch_->socket.async_wait(descriptor::wait_write,
                            [weak = weak_from_this()](const boost::system::error_code& failed) {
                              const auto self = weak.lock();
                              if (!self || failed) return;
                              self->writing_ = false;
                              self->flush();
                            });
}

void pipelined_connection::read_later() {
  watch_->socket.async_wait(descriptor::wait_read,
                            [weak = weak_from_this()](const boost::system::error_code& failed) {
                              if (const auto self = weak.lock(); self && !failed) self->readable();
                            });
}

void pipelined_connection::readable() {
  if (broken_) return;
  auto* const from = connection_.get();
  const bool open = PQconsumeInput(from) == 1;
  // What came before the end is taken, too: the server's reason may be in it.
  while (!broken_ && PQisBusy(from) == 0) {
    PGresult* const next = PQgetResult(from);
    if (next != nullptr) {
      take(next);
    } else if (in_answer_) {
      in_answer_ = false;
    } else {
      break;
    }
  }
  if (broken_) return;
  if (!open || PQstatus(from) == CONNECTION_BAD) {
    return give_up({errc::database_unavailable, PQerrorMessage(from)});
  }
  flush();
  read_later();
}

error pipelined_connection::failure_of(const PGresult* from, const command* whose) {
  const auto state = field_of(from, PG_DIAG_SQLSTATE);
  auto failure = database_error(state, field_of(from, PG_DIAG_MESSAGE_PRIMARY),
                                whose == nullptr ? std::string_view() : whose->text);
  const bool begins =
      whose != nullptr && whose->what == command::role::control && whose->text.starts_with("BEGIN");
  if (role_ == server_address::role::writing && is_refused_write(state, begins)) {
    refused_write_ = true;
    return {errc::database_unavailable, "PostgreSQL takes no writes: " + failure.detail};
  }
  if (is_standby(state, field_of(from, PG_DIAG_SOURCE_FUNCTION))) failure.code = errc::database_unavailable;
  return failure;
}

void pipelined_connection::take(PGresult* raw) {
  const result_handle from(raw, &PQclear);
  const auto status = PQresultStatus(raw);
  in_answer_ = status != PGRES_PIPELINE_SYNC;
  auto kind = answer_kind::done;
  const command* const whose = pipeline_.next();
  result<sql_rows> rows;
  switch (status) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
      break;
    case PGRES_PIPELINE_SYNC:
      kind = answer_kind::sync;
      break;
    case PGRES_PIPELINE_ABORTED:
      kind = answer_kind::aborted;
      break;
    case PGRES_FATAL_ERROR: {
      const auto state = field_of(raw, PG_DIAG_SQLSTATE);
      if (state.empty()) return give_up({errc::database_unavailable, PQresultErrorMessage(raw)});
      auto failure = failure_of(raw, whose);
      if (ends_connection(state)) return give_up(std::move(failure));
      kind = state == "26000"                                               ? answer_kind::missing
             : is_stale_plan(state, field_of(raw, PG_DIAG_SOURCE_FUNCTION)) ? answer_kind::stale
                                                                            : answer_kind::failed;
      rows = std::unexpected(std::move(failure));
      break;
    }
    default:
      return give_up({errc::database_unavailable, "PostgreSQL answered what was not asked"});
  }
  auto happened = pipeline_.take(kind);
  switch (happened.what) {
    case pipeline::verdict::nothing:
      return;
    case pipeline::verdict::done:
      rows = outcome_of(raw, *happened.of);
      return owner_->answered(*this, std::move(happened.of), std::move(rows));
    case pipeline::verdict::failed:
      return owner_->answered(*this, std::move(happened.of), std::move(rows));
    case pipeline::verdict::again:
      return owner_->again(*this, std::move(happened.of));
    case pipeline::verdict::synced:
      return owner_->synced(*this);
    case pipeline::verdict::confused:
      return give_up({errc::database_unavailable, "PostgreSQL's answers are out of order"});
  }
}

void pipelined_connection::give_up(error why) {
  if (std::exchange(broken_, true)) return;
  while (!why.detail.empty() && why.detail.back() == '\n') why.detail.pop_back();
  why_ = std::move(why);
  // Later: who sends is not ready to lose the connection within the call.
  asio::post(watch_->loop, [weak = weak_from_this()] {
    if (const auto self = weak.lock(); self && !self->closed_) self->owner_->lost(*self, self->why_);
  });
}

}  // namespace strata::detail
