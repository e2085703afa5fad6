#include "pgwire/messages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "pgwire/startup.h"

namespace sluice::pgwire {
namespace {

std::string i16(int value) {
  return {static_cast<char>((value >> 8) & 0xFF), static_cast<char>(value & 0xFF)};
}
std::string i32(int64_t value) {
  return i16(static_cast<int>((value >> 16) & 0xFFFF)) + i16(static_cast<int>(value & 0xFFFF));
}
std::string text(std::string_view value) { return std::string(value) + '\0'; }
std::string message(char type, const std::string& body) {
  return type + i32(static_cast<int64_t>(body.size()) + 4) + body;
}

void feed(FrameReader& reader, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto room = reader.room();
    const size_t taken = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), taken);
    reader.filled(taken);
    bytes.remove_prefix(taken);
  }
}

Result<Message> decoded(char type, std::string_view body) { return decode({type, body}); }

TEST(FrameReader, CutsMessagesThatComeInSingleBytes) {
  FrameReader reader;
  const std::string bytes = message('Q', text("select 1")) + message('S', "");
  std::vector<char> types;
  for (const char byte : bytes) {
    feed(reader, {&byte, 1});
    const auto frame = reader.message();
    ASSERT_TRUE(frame.ok());
    if (*frame) types.push_back((*frame)->type);
  }
  EXPECT_EQ(types, (std::vector<char>{'Q', 'S'}));
}

TEST(FrameReader, GivesAllMessagesOfOnePiece) {
  FrameReader reader;
  feed(reader, message('Q', text("a")) + message('Q', text("b")) + message('X', ""));
  EXPECT_EQ((**reader.message()).body, text("a"));
  EXPECT_EQ((**reader.message()).body, text("b"));
  EXPECT_EQ((**reader.message()).type, 'X');
  EXPECT_FALSE(reader.message()->has_value());
}

TEST(FrameReader, KeepsALargeMessageWhole) {
  FrameReader reader;
  std::string large(size_t{5} << 20, 'x');
  feed(reader, message('S', "") + message('d', large) + message('c', ""));
  EXPECT_EQ((**reader.message()).type, 'S');
  EXPECT_EQ((**reader.message()).body, large);
  EXPECT_EQ((**reader.message()).type, 'c');
}

TEST(FrameReader, WipesWhatWasConsumedBeforeItWaitsForMore) {
  FrameReader reader;
  feed(reader, message('Q', "CREATE SECRET s AS 'hunter2'"));
  ASSERT_TRUE(reader.message()->has_value());
  const auto room = reader.room();
  EXPECT_EQ(std::string_view(room.data(), room.size()).find("hunter2"), std::string_view::npos);
}

TEST(FrameReader, BelievesNoLengthBeforeTheBytesHaveCome) {
  FrameReader reader;
  feed(reader, 'd' + i32(kMaxCopyDataBytes));
  EXPECT_FALSE(reader.message()->has_value());
  EXPECT_LE(reader.room().size(), size_t{128} << 10);
}

TEST(FrameReader, RefusesWhatIsPastItsBound) {
  const auto refusal = [](const std::string& bytes) {
    FrameReader reader;
    feed(reader, bytes);
    const auto frame = reader.message();
    return frame.ok() ? std::string("taken") : frame.error().sqlstate;
  };
  EXPECT_EQ(refusal('Q' + i32(kMaxStatementBytes + 5)), "54000");
  EXPECT_EQ(refusal('P' + i32(kMaxStatementBytes + 5)), "54000");
  EXPECT_EQ(refusal('d' + i32(kMaxCopyDataBytes + 5)), "54000");
  EXPECT_EQ(refusal('Q' + i32(kMaxStatementBytes + 4)), "taken");
  EXPECT_EQ(refusal('S' + i32(1 << 20)), "08P01");
  EXPECT_EQ(refusal('Q' + i32(3)), "08P01");
  EXPECT_EQ(refusal('Q' + i32(-1)), "08P01");
  EXPECT_EQ(refusal('d' + i32(0x7FFFFFF0)), "08P01");
  EXPECT_EQ(refusal("\x01"), "08P01");
}

TEST(FrameReader, RefusesStartupPacketsOfWrongLength) {
  for (const int64_t length :
       {int64_t{0}, int64_t{7}, int64_t{kMaxStartupBytes + 1}, int64_t{-1}}) {
    FrameReader reader;
    feed(reader, i32(length) + "abcd");
    const auto frame = reader.startup_packet();
    ASSERT_FALSE(frame.ok()) << length;
    EXPECT_EQ(frame.error().sqlstate, "08P01");
  }
}

TEST(Decode, ReadsBind) {
  const std::string body = text("portal") + text("statement") + i16(1) + i16(1) + i16(3) + i32(2) +
                           "ab" + i32(-1) + i32(0) + i16(2) + i16(0) + i16(1);
  const auto message = decoded('B', body);
  ASSERT_TRUE(message.ok());
  const auto& bind = std::get<Bind>(*message);
  EXPECT_EQ(bind.portal, "portal");
  EXPECT_EQ(bind.statement, "statement");
  EXPECT_EQ(bind.parameter_formats, std::vector<int16_t>{1});
  ASSERT_EQ(bind.values.size(), 3U);
  EXPECT_EQ(bind.values[0], "ab");
  EXPECT_EQ(bind.values[1], std::nullopt);
  EXPECT_EQ(bind.values[2], "");
  EXPECT_EQ(bind.result_formats, (std::vector<int16_t>{0, 1}));
}

TEST(Decode, ReadsParseAndExecute) {
  const auto parsed = decoded('P', text("s") + text("select $1") + i16(2) + i32(23) + i32(0));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(std::get<Parse>(*parsed).parameter_oids, (std::vector<uint32_t>{23, 0}));
  const auto execute = decoded('E', text("p") + i32(100));
  ASSERT_TRUE(execute.ok());
  EXPECT_EQ(std::get<Execute>(*execute).max_rows, 100);
}

TEST(Decode, RefusesEveryPrefixOfAMessage) {
  const std::string bodies[] = {
      text("p") + text("s") + i16(1) + i16(1) + i16(1) + i32(2) + "ab" + i16(1) + i16(0),
      text("s") + text("select $1") + i16(1) + i32(23), text("p") + i32(100), 'S' + text("x")};
  const char types[] = {'B', 'P', 'E', 'D'};
  for (size_t i = 0; i < std::size(bodies); ++i) {
    for (size_t length = 0; length < bodies[i].size(); ++length) {
      const auto message = decoded(types[i], std::string_view(bodies[i]).substr(0, length));
      ASSERT_FALSE(message.ok()) << types[i] << length;
      EXPECT_EQ(message.error().sqlstate, "08P01");
    }
    EXPECT_TRUE(decoded(types[i], bodies[i]).ok());
    EXPECT_FALSE(decoded(types[i], bodies[i] + "x").ok()) << "bytes behind the end";
  }
}

TEST(Decode, RefusesCountsAndLengthsThatCannotBe) {
  const auto state = [](char type, const std::string& body) {
    const auto message = decoded(type, body);
    return message.ok() ? std::string("taken") : message.error().sqlstate;
  };
  EXPECT_EQ(state('B', text("") + text("") + i16(0) + i16(65535) + i16(0)), "08P01");
  EXPECT_EQ(state('B', text("") + text("") + i16(0) + i16(1) + i32(-2) + i16(0)), "08P01");
  EXPECT_EQ(state('P', text("") + text("") + i16(65535)), "08P01");
  EXPECT_EQ(state('D', 'Z' + text("")), "08P01");
  EXPECT_EQ(state('Q', "no zero at the end"), "08P01");
  EXPECT_EQ(state('p', text("password")), "08P01");
  EXPECT_EQ(state('F', i32(1)), "0A000");
}

TEST(DecodeStartup, TellsThePacketsApart) {
  EXPECT_TRUE(std::holds_alternative<SslRequest>(*decode_startup({0, i32(80877103)})));
  EXPECT_TRUE(std::holds_alternative<GssRequest>(*decode_startup({0, i32(80877104)})));
  const auto cancel = decode_startup({0, i32(80877102) + i32(7) + i32(0x7EADBEEF)});
  ASSERT_TRUE(cancel.ok());
  EXPECT_EQ(std::get<CancelRequest>(*cancel).process_id, 7U);
  EXPECT_EQ(std::get<CancelRequest>(*cancel).secret, 0x7EADBEEFU);
  const auto startup = decode_startup({0, i32(0x00030002) + text("user") + text("me") + '\0'});
  ASSERT_TRUE(startup.ok());
  EXPECT_EQ(std::get<Startup>(*startup).minor, 2);
  EXPECT_EQ(std::get<Startup>(*startup).parameters.at(0).second, "me");
}

TEST(DecodeStartup, RefusesPacketsWithoutTheirEnd) {
  for (const std::string& body : {text("user") + text("me"), text("user") + "me", std::string(),
                                  text("user") + text("me") + '\0' + "x"}) {
    EXPECT_FALSE(decode_startup({0, i32(0x00030000) + body}).ok());
  }
  EXPECT_FALSE(decode_startup({0, i32(80877102) + i32(7)}).ok());
}

TEST(StartupOptions, ReadsBothSpellingsAndBackslashes) {
  const auto settings = parse_options(R"(-c a=1  -cb=2 --search-path=x\ y -c "q=\\)");
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  EXPECT_EQ(*settings, (Settings{{"a", "1"}, {"b", "2"}, {"search_path", "x y"}, {"\"q", "\\"}}));
  EXPECT_TRUE(parse_options("  ")->empty());
  for (const std::string_view wrong : {"-c", "-c a", "-x a=1", "a=1", "--=1"}) {
    EXPECT_FALSE(parse_options(wrong).ok()) << wrong;
  }
}

TEST(LoginRequest, NeedsAUserAndTheProtocolWeSpeak) {
  EXPECT_EQ(login_request({2, 0, {}}).error().sqlstate, "0A000");
  EXPECT_EQ(login_request({3, 0, {}}).error().sqlstate, "28000");
  EXPECT_EQ(login_request({3, 0, {{"user", "me"}, {"replication", "database"}}}).error().sqlstate,
            "0A000");
  EXPECT_EQ(login_request({3, 0, {{"user", "\xFF"}}}).error().sqlstate, "22021");
  const auto request = login_request(
      {3, 9, {{"user", "me"}, {"_pq_.x", "1"}, {"DateStyle", "ISO"}, {"options", "-c a=1"}}});
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->login.database, "materialize");
  EXPECT_EQ(request->settings, (Settings{{"a", "1"}, {"DateStyle", "ISO"}}));
  EXPECT_EQ(request->unknown_protocol, std::vector<std::string>{"_pq_.x"});
}

}  // namespace
}  // namespace sluice::pgwire
