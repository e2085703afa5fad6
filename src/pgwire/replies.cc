#include "pgwire/replies.h"

#include <cstring>

#include "base/sqlstate.h"

namespace sluice::pgwire {
namespace {

void bare(std::string& out, char type) { const MessageWriter message(out, type); }

void store_32(char* to, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, 4);
}

struct Report {
  std::string_view severity;
  std::string_view sqlstate;
  std::string_view message;
  std::string_view detail;
  std::string_view hint;
  int32_t position = 0;
  std::string_view context = {};
};

void report(std::string& out, char type, const Report& what) {
  MessageWriter message(out, type);
  const auto field = [&](char name, std::string_view value) {
    if (!value.empty()) message.byte(name).text(value);
  };
  field('S', what.severity);
  field('V', what.severity);
  field('C', what.sqlstate);
  message.byte('M').text(what.message);
  field('D', what.detail);
  field('H', what.hint);
  if (what.position > 0) field('P', fmt::format("{}", what.position));
  field('W', what.context);
  message.byte('\0');
}

void copy_response(std::string& out, char type, size_t columns) {
  MessageWriter message(out, type);
  message.byte('\0').i16(static_cast<int16_t>(columns));
  for (size_t i = 0; i < columns; ++i) message.i16(0);
}

}  // namespace

MessageWriter::MessageWriter(std::string& out, char type) : out_(out), length_at_(out.size() + 1) {
  out_.push_back(type);
  out_.append(4, '\0');
}

MessageWriter::~MessageWriter() {
  store_32(out_.data() + length_at_, static_cast<uint32_t>(out_.size() - length_at_));
}

MessageWriter& MessageWriter::byte(char value) {
  out_.push_back(value);
  return *this;
}

MessageWriter& MessageWriter::i16(int16_t value) {
  out_.push_back(static_cast<char>(static_cast<uint16_t>(value) >> 8));
  out_.push_back(static_cast<char>(value & 0xFF));
  return *this;
}

MessageWriter& MessageWriter::i32(int32_t value) {
  char stored[4];
  store_32(stored, static_cast<uint32_t>(value));
  out_.append(stored, 4);
  return *this;
}

MessageWriter& MessageWriter::text(std::string_view value) {
  out_.append(value.substr(0, value.find('\0')));
  out_.push_back('\0');
  return *this;
}

MessageWriter& MessageWriter::bytes(std::string_view value) {
  out_.append(value);
  return *this;
}

void authentication_ok(std::string& out) { MessageWriter(out, 'R').i32(0); }

void parameter_status(std::string& out, std::string_view name, std::string_view value) {
  MessageWriter(out, 'S').text(name).text(value);
}

void backend_key_data(std::string& out, const BackendKey& key) {
  MessageWriter(out, 'K').u32(key.process_id).u32(key.secret);
}

void negotiate_protocol_version(std::string& out, std::span<const std::string> refused) {
  MessageWriter message(out, 'v');
  message.i32(3 << 16).i32(static_cast<int32_t>(refused.size()));
  for (const std::string& option : refused) message.text(option);
}

void ready_for_query(std::string& out, session::TransactionState state) {
  char letter = 'I';
  if (state == session::TransactionState::kOpen) letter = 'T';
  if (state == session::TransactionState::kFailed) letter = 'E';
  MessageWriter(out, 'Z').byte(letter);
}

void error_response(std::string& out, const Error& error, Severity severity,
                    std::string_view context) {
  report(out, 'E',
         {severity == Severity::kFatal ? "FATAL" : "ERROR", sqlstate(error), error.message,
          error.detail, error.hint, error.position, context});
}

void notice_response(std::string& out, const session::Notice& notice) {
  report(out, 'N',
         {notice.severity, notice.sqlstate.empty() ? "00000" : std::string_view(notice.sqlstate),
          notice.message, notice.detail, notice.hint});
}

void command_complete(std::string& out, std::string_view tag) { MessageWriter(out, 'C').text(tag); }
void empty_query_response(std::string& out) { bare(out, 'I'); }
void parse_complete(std::string& out) { bare(out, '1'); }
void bind_complete(std::string& out) { bare(out, '2'); }
void close_complete(std::string& out) { bare(out, '3'); }
void portal_suspended(std::string& out) { bare(out, 's'); }
void no_data(std::string& out) { bare(out, 'n'); }

void row_description(std::string& out, const std::vector<session::Column>& columns,
                     std::span<const Format> formats) {
  MessageWriter message(out, 'T');
  message.i16(static_cast<int16_t>(columns.size()));
  for (size_t i = 0; i < columns.size(); ++i) {
    const types::SqlType& type = columns[i].type;
    message.text(columns[i].name).u32(0).i16(0);  // no table, no attribute number
    message.u32(types::oid(type)).i16(types::type_length(type)).i32(types::typmod(type));
    message.i16(static_cast<int16_t>(i < formats.size() ? formats[i] : Format::kText));
  }
}

void parameter_description(std::string& out, const std::vector<types::SqlType>& parameters) {
  MessageWriter message(out, 't');
  message.i16(static_cast<int16_t>(parameters.size()));
  for (const types::SqlType& type : parameters) message.u32(types::oid(type));
}

void copy_in_response(std::string& out, size_t columns) { copy_response(out, 'G', columns); }
void copy_out_response(std::string& out, size_t columns) { copy_response(out, 'H', columns); }
void copy_data(std::string& out, std::string_view bytes) { MessageWriter(out, 'd').bytes(bytes); }
void copy_done(std::string& out) { bare(out, 'c'); }

}  // namespace sluice::pgwire
