// The protocol from the server's side: each function appends one message to `out`. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "session/session.h"
#include "types/sql_type.h"

namespace sluice::pgwire {

enum class Format : int16_t { kText = 0, kBinary = 1 };

// One message being written: its length is filled in at the end.
class MessageWriter {
 public:
  MessageWriter(std::string& out, char type);
  ~MessageWriter();
  MessageWriter(const MessageWriter&) = delete;
  MessageWriter& operator=(const MessageWriter&) = delete;

  MessageWriter& byte(char value);
  MessageWriter& i16(int16_t value);
  MessageWriter& i32(int32_t value);
  MessageWriter& u32(uint32_t value) { return i32(static_cast<int32_t>(value)); }
  // With its ending zero; a zero inside ends it early.
  MessageWriter& text(std::string_view value);
  MessageWriter& bytes(std::string_view value);

 private:
  std::string& out_;
  const size_t length_at_;
};

struct BackendKey {
  uint32_t process_id = 0;
  uint32_t secret = 0;
};

enum class Severity { kError, kFatal };

void authentication_ok(std::string& out);
void parameter_status(std::string& out, std::string_view name, std::string_view value);
void backend_key_data(std::string& out, const BackendKey& key);
// We speak 3.0; `refused` are the protocol options (_pq_.…) that we don't know.
void negotiate_protocol_version(std::string& out, std::span<const std::string> refused);
void ready_for_query(std::string& out, session::TransactionState state);

// `context`: where in its data, for COPY.
void error_response(std::string& out, const Error& error, Severity severity,
                    std::string_view context = {});
void notice_response(std::string& out, const session::Notice& notice);

void command_complete(std::string& out, std::string_view tag);
void empty_query_response(std::string& out);
void parse_complete(std::string& out);
void bind_complete(std::string& out);
void close_complete(std::string& out);
void portal_suspended(std::string& out);
void no_data(std::string& out);

// `formats`: one for each column, or none for text.
void row_description(std::string& out, const std::vector<session::Column>& columns,
                     std::span<const Format> formats);
void parameter_description(std::string& out, const std::vector<types::SqlType>& parameters);
void copy_in_response(std::string& out, size_t columns);
void copy_out_response(std::string& out, size_t columns);
void copy_data(std::string& out, std::string_view bytes);
void copy_done(std::string& out);

}  // namespace sluice::pgwire
