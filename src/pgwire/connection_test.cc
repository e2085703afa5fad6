#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "pgwire/server.h"
#include "session/fake_session.h"

namespace sluice::pgwire {
namespace {

std::string i16(int value) {
  return {static_cast<char>((value >> 8) & 0xFF), static_cast<char>(value & 0xFF)};
}
std::string i32(int64_t value) {
  return i16(static_cast<int>((value >> 16) & 0xFFFF)) + i16(static_cast<int>(value & 0xFFFF));
}
std::string text(std::string_view value) { return std::string(value) + '\0'; }
std::string message(char type, const std::string& body = "") {
  return type + i32(static_cast<int64_t>(body.size()) + 4) + body;
}
std::string query(std::string_view sql) { return message('Q', text(sql)); }
std::string parse(std::string_view name, std::string_view sql) {
  return message('P', text(name) + text(sql) + i16(0));
}
// All parameters and columns as text.
std::string bind(std::string_view portal, std::string_view statement,
                 const std::vector<std::string>& values = {}) {
  std::string body = text(portal) + text(statement) + i16(0) + i16(static_cast<int>(values.size()));
  for (const auto& value : values) body += i32(static_cast<int64_t>(value.size())) + value;
  return message('B', body + i16(0));
}
std::string describe(char target, std::string_view name) {
  return message('D', target + text(name));
}
std::string execute(std::string_view portal, int rows = 0) {
  return message('E', text(portal) + i32(rows));
}
std::string close(char target, std::string_view name) { return message('C', target + text(name)); }
const std::string kSync = message('S');
const std::string kFlush = message('H');
const std::string kTerminate = message('X');

std::string startup(const std::vector<std::string>& parameters = {"user", "me"},
                    int64_t version = 0x00030000) {
  std::string body = i32(version);
  for (const auto& parameter : parameters) body += text(parameter);
  body += '\0';
  return i32(static_cast<int64_t>(body.size()) + 4) + body;
}

// Reads a message's body from the front.
struct Body {
  std::string_view rest;
  int32_t i32() {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i)
      value = value << 8 | static_cast<uint8_t>(rest[static_cast<size_t>(i)]);
    rest.remove_prefix(4);
    return static_cast<int32_t>(value);
  }
  int16_t i16() {
    const int value = static_cast<uint8_t>(rest[0]) << 8 | static_cast<uint8_t>(rest[1]);
    rest.remove_prefix(2);
    return static_cast<int16_t>(value);
  }
  std::string text() {
    std::string value(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(value.size() + 1);
    return value;
  }
  std::string take(size_t bytes) {
    std::string value(rest.substr(0, bytes));
    rest.remove_prefix(bytes);
    return value;
  }
};

// One message of the server in few words: `D(1,v1)`, `C(SELECT 2)`, `E(ERROR 42P01 …)`.
std::string words_for(char type, std::string_view bytes) {
  Body body{bytes};
  std::string words(1, type);
  const auto list = [&](int count, const auto& item) {
    for (int i = 0; i < count; ++i) words += (i > 0 ? "," : "") + item();
  };
  if (bytes.empty()) return words;
  words += '(';
  if (type == 'T') {
    list(body.i16(), [&] {
      std::string column = body.text();
      body.take(6);
      column += fmt::format(":{}", body.i32());
      body.take(6);
      return column + (body.i16() == 1 ? ":binary" : "");
    });
  } else if (type == 't') {
    list(body.i16(), [&] { return fmt::format("{}", body.i32()); });
  } else if (type == 'D') {
    list(body.i16(), [&] {
      const int32_t length = body.i32();
      return length < 0 ? std::string("NULL") : body.take(static_cast<size_t>(length));
    });
  } else if (type == 'E' || type == 'N') {
    std::string fields;
    while (body.rest[0] != '\0') {
      const char field = body.take(1)[0];
      const std::string value = body.text();
      if (field == 'V') continue;
      fields += (fields.empty() ? "" : field == 'C' ? " " : fmt::format(" {}:", field)) + value;
    }
    words += fields;
  } else if (type == 'S') {
    const std::string name = body.text();
    words += name + "=" + body.text();
  } else if (type == 'Z' || type == 'd') {
    words += bytes;
  } else if (type == 'G' || type == 'H') {
    body.take(1);
    words += fmt::format("{} columns", body.i16());
  } else if (type == 'v') {
    words += fmt::format("{}", body.i32());
    list(body.i32(), [&] { return " " + body.text(); });
  } else if (type == 'K' || type == 'R') {
    words += fmt::format("{}", body.i32());
  } else {
    words += body.text();
  }
  return words + ')';
}

// A client that speaks raw bytes. Each wait ends after ten seconds.
class Client {
 public:
  explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { hang_up(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void hang_up() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  // False once the server has hung up.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // The bytes that have to come; fewer at the end of the stream.
  std::string receive(size_t bytes) {
    while (buffer_.size() < bytes) {
      pollfd polled{fd_, POLLIN, 0};
      if (::poll(&polled, 1, 10'000) <= 0) {
        ADD_FAILURE() << "the server says nothing";
        break;
      }
      char piece[65536];
      const ssize_t got = ::recv(fd_, piece, sizeof piece, 0);
      if (got <= 0) break;
      buffer_.append(piece, static_cast<size_t>(got));
    }
    std::string taken = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return taken;
  }

  // The next message in words; "end" at the end of the stream.
  std::string next() {
    const std::string header = receive(5);
    if (header.size() < 5) return "end";
    const auto length = static_cast<size_t>(Body{std::string_view(header).substr(1)}.i32());
    last_body_ = receive(length - 4);
    return words_for(header[0], last_body_);
  }
  const std::string& last_body() const { return last_body_; }

  // All messages to the next of `last`'s kind, parted by blanks.
  std::string until(char last) {
    std::string all;
    while (true) {
      const std::string one = next();
      all += (all.empty() ? "" : " ") + one;
      if (one[0] == last || one == "end") return all;
    }
  }

  std::string ask(std::string_view bytes) { return send(bytes), until('Z'); }

  // Logs in and keeps what BackendKeyData said.
  void log_in(const std::vector<std::string>& parameters = {"user", "me"}) {
    send(startup(parameters));
    while (true) {
      const std::string one = next();
      if (one[0] == 'K') key_ = last_body_;
      if (one[0] == 'Z') return;
      ASSERT_TRUE(one[0] == 'R' || one[0] == 'S' || one[0] == 'K' || one[0] == 'v') << one;
    }
  }
  const std::string& key() const { return key_; }

 private:
  int fd_;
  std::string buffer_;
  std::string last_body_;
  std::string key_;
};

class Pgwire : public testing::Test {
 protected:
  void SetUp() override { start({}); }

  void start(Server::Options options) {
    auto started = Server::start(std::move(options), sessions_);
    ASSERT_TRUE(started.ok()) << started.error().message;
    server_ = std::move(*started);
  }
  std::unique_ptr<Client> logged_in() {
    auto client = std::make_unique<Client>(server_->port());
    client->log_in();
    return client;
  }

  session::FakeSessions sessions_;
  std::unique_ptr<Server> server_;  // ends before its sessions
};

// ---- start-up

TEST_F(Pgwire, TellsItsParametersAtStartup) {
  Client client(server_->port());
  const std::string greeting = client.ask(
      startup({"user", "me", "application_name", "tests", "options", "-c TimeZone=CET"}));
  EXPECT_TRUE(greeting.starts_with("R(0) S(server_version=9.5.0)")) << greeting;
  for (const std::string_view expected :
       {"S(server_encoding=UTF8)", "S(client_encoding=UTF8)", "S(DateStyle=ISO, MDY)",
        "S(TimeZone=CET)", "S(integer_datetimes=on)", "S(standard_conforming_strings=on)",
        "S(IntervalStyle=postgres)", "S(application_name=tests)"}) {
    EXPECT_NE(greeting.find(expected), std::string::npos) << expected;
  }
  EXPECT_TRUE(greeting.ends_with("Z(I)")) << greeting;
}

TEST_F(Pgwire, DeclinesEncryptionAndGoesOn) {
  Client client(server_->port());
  client.send(i32(8) + i32(80877103));
  EXPECT_EQ(client.receive(1), "N");
  client.send(i32(8) + i32(80877104));
  EXPECT_EQ(client.receive(1), "N");
  client.log_in();
  EXPECT_EQ(client.ask(query("insert")), "C(INSERT 0 1) Z(I)");
}

TEST_F(Pgwire, NegotiatesANewerMinorVersion) {
  Client client(server_->port());
  const std::string greeting = client.ask(startup({"user", "me", "_pq_.new", "1"}, 0x00030002));
  EXPECT_TRUE(greeting.starts_with("v(196608 _pq_.new) R(0)")) << greeting;
}

TEST_F(Pgwire, RefusesAtStartupWithAFatalErrorAndHangsUp) {
  const auto refusal = [&](const std::string& bytes) {
    Client client(server_->port());
    client.send(bytes);
    const std::string said = client.next();
    EXPECT_EQ(client.next(), "end");
    return said.substr(0, said.find(' ', 9));
  };
  EXPECT_EQ(refusal(startup({"user", "me", "database", "other"})), "E(FATAL 3D000");
  EXPECT_EQ(refusal(startup({"database", "materialize"})), "E(FATAL 28000");
  EXPECT_EQ(refusal(startup({"user", "me", "unheard_of", "1"})), "E(FATAL 42704");
  EXPECT_EQ(refusal(startup({"user", "me"}, 0x00020000)), "E(FATAL 0A000");
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), "E(FATAL 08P01");
}

TEST_F(Pgwire, RefusesTheClientThatIsTooMany) {
  start({.max_connections = 1});
  auto first = logged_in();
  Client second(server_->port());
  second.send(startup());
  EXPECT_EQ(second.next(), "E(FATAL 53300 M:sorry, too many clients already)");
  first->send(kTerminate);
  EXPECT_EQ(first->next(), "end");
  logged_in();
}

TEST_F(Pgwire, DropsAClientThatDoesNotLogIn) {
  start({.startup_timeout = std::chrono::milliseconds(30)});
  Client client(server_->port());
  EXPECT_EQ(client.next(), "end");
}

// ---- simple queries

TEST_F(Pgwire, AnswersEveryStatementOfAQuery) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(query("rows 2; insert; rows 1")),
            "T(n:23,t:25) D(0,NULL) D(1,v1) C(SELECT 2) C(INSERT 0 1) "
            "T(n:23,t:25) D(0,NULL) C(SELECT 1) Z(I)");
  EXPECT_EQ(client->ask(query("")), "I Z(I)");
  EXPECT_EQ(client->ask(query(" ; ")), "I Z(I)");
  EXPECT_EQ(client->ask(query("rows 0;")), "T(n:23,t:25) C(SELECT 0) Z(I)");
}

TEST_F(Pgwire, StopsAtTheFirstError) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(query("insert; fail; insert")),
            "C(INSERT 0 1) E(ERROR 42P01 M:relation \"t\" does not exist D:a detail H:a hint P:5) "
            "Z(I)");
  EXPECT_EQ(client->ask(query("a syntax error")),
            "E(ERROR 42601 M:syntax error at or near \"syntax\" P:3) Z(I)");
  EXPECT_EQ(client->ask(query("rows 1 fail")),
            "T(n:23,t:25) D(0,NULL) E(ERROR 22012 M:division by zero) Z(I)");
  EXPECT_EQ(client->ask(query("\xC3\x28")),
            "E(ERROR 22021 M:invalid byte sequence for encoding \"UTF8\": 0xc3) Z(I)");
}

TEST_F(Pgwire, OutlivesAnException) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(query("throw")), "E(ERROR XX000 M:internal error) Z(I)");
  EXPECT_EQ(client->ask(query("insert")), "C(INSERT 0 1) Z(I)");
}

TEST_F(Pgwire, ShowsTheTransactionsState) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(query("begin")), "C(BEGIN) Z(T)");
  EXPECT_TRUE(client->ask(query("fail")).ends_with("Z(E)"));
  EXPECT_EQ(client->ask(query("insert")), "E(ERROR 25P02 M:current transaction is aborted) Z(E)");
  EXPECT_EQ(client->ask(query("rollback")), "C(ROLLBACK) Z(I)");
}

TEST_F(Pgwire, DoesNotSayCompleteBeforeTheCommit) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(query("broken")), "E(ERROR 40001 M:could not serialize access) Z(I)");
}

TEST_F(Pgwire, PassesNoticesAndChangedParametersOn) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(query("notice; set")),
            "N(NOTICE 00000 M:take note D:a detail H:a hint) C(NOTICE) S(TimeZone=Europe/Vienna) "
            "C(SET) Z(I)");
}

TEST_F(Pgwire, SendsManyRowsWhole) {
  auto client = logged_in();
  client->send(query("rows 50000"));
  EXPECT_EQ(client->next(), "T(n:23,t:25)");
  EXPECT_EQ(client->next(), "D(0,NULL)");
  for (int i = 1; i < 50000; ++i) ASSERT_EQ(client->next(), fmt::format("D({},v{})", i, i));
  EXPECT_EQ(client->until('Z'), "C(SELECT 50000) Z(I)");
}

// ---- extended queries

TEST_F(Pgwire, RunsThroughTheExtendedProtocol) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(parse("", "echo") + describe('S', "") + bind("", "", {"42", "hi"}) +
                        describe('P', "") + execute("") + kSync),
            "1 t(23,25) T(n:23,t:25) 2 T(n:23,t:25) D(42,hi) C(SELECT 1) Z(I)");
  EXPECT_EQ(client->ask(parse("", "insert") + describe('S', "") + bind("", "") + describe('P', "") +
                        execute("") + kSync),
            "1 t() n 2 n C(INSERT 0 1) Z(I)");
  EXPECT_EQ(client->ask(parse("", "") + bind("", "") + execute("") + kSync), "1 2 I Z(I)");
}

TEST_F(Pgwire, SpeaksBinaryInBothDirections) {
  auto client = logged_in();
  const std::string both = message('B', text("") + text("") + i16(2) + i16(1) + i16(0) + i16(2) +
                                            i32(4) + i32(258) + i32(2) + "hi" + i16(1) + i16(1));
  client->send(parse("", "echo") + both + describe('P', "") + execute("") + kSync);
  EXPECT_EQ(client->next(), "1");
  EXPECT_EQ(client->next(), "2");
  EXPECT_EQ(client->next(), "T(n:23:binary,t:25:binary)");
  EXPECT_EQ(client->next(), "D(" + i32(258) + ",hi)");
  EXPECT_EQ(client->until('Z'), "C(SELECT 1) Z(I)");
}

TEST_F(Pgwire, SuspendsAPortalAtItsRowLimit) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(query("begin")), "C(BEGIN) Z(T)");
  EXPECT_EQ(client->ask(parse("s", "rows 5") + bind("p", "s") + execute("p", 2) + kSync),
            "1 2 D(0,NULL) D(1,v1) s Z(T)");
  EXPECT_EQ(client->ask(execute("p", 2) + kSync), "D(2,v2) D(3,v3) s Z(T)");
  EXPECT_EQ(client->ask(execute("p", 2) + kSync), "D(4,v4) C(SELECT 1) Z(T)");
  EXPECT_EQ(client->ask(execute("p", 2) + kSync), "C(SELECT 0) Z(T)");
}

TEST_F(Pgwire, ReadsNoFurtherThanAPortalWasAskedFor) {
  auto client = logged_in();
  client->send(query("begin"));
  client->until('Z');
  client->send(parse("", "rows 100000") + bind("", "") + execute("", 10) + kSync);
  client->until('Z');
  EXPECT_EQ(sessions_.rows_made, 1000U);  // one chunk
}

TEST_F(Pgwire, PortalsEndWithTheirTransaction) {
  auto client = logged_in();
  client->ask(parse("s", "rows 5") + bind("p", "s") + execute("p", 1) + kSync);
  EXPECT_EQ(client->ask(execute("p", 1) + kSync),
            "E(ERROR 34000 M:portal \"p\" does not exist) Z(I)");
  client->ask(query("begin"));
  client->ask(bind("p", "s") + kSync);
  client->ask(query("commit"));
  EXPECT_EQ(client->ask(describe('P', "p") + kSync),
            "E(ERROR 34000 M:portal \"p\" does not exist) Z(I)");
}

TEST_F(Pgwire, SkipsToSyncAfterAnError) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(parse("", "fail") + bind("", "") + execute("") + parse("", "insert") +
                        query("insert") + kSync),
            "1 E(ERROR 42P01 M:relation \"t\" does not exist D:a detail H:a hint P:5) Z(I)");
  EXPECT_EQ(client->ask(query("insert")), "C(INSERT 0 1) Z(I)");
}

TEST_F(Pgwire, NamesEndAndCollide) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(parse("s", "insert") + kSync), "1 Z(I)");
  EXPECT_EQ(client->ask(parse("s", "insert") + kSync),
            "E(ERROR 42P05 M:prepared statement \"s\" already exists) Z(I)");
  EXPECT_EQ(client->ask(bind("p", "s") + bind("p", "s") + kSync),
            "2 E(ERROR 42P03 M:portal \"p\" already exists) Z(I)");
  EXPECT_EQ(client->ask(bind("p", "s") + close('S', "s") + execute("p") + close('P', "p") +
                        close('P', "p") + kSync),
            "2 3 C(INSERT 0 1) 3 3 Z(I)");
  EXPECT_EQ(client->ask(bind("", "s") + kSync),
            "E(ERROR 26000 M:prepared statement \"s\" does not exist) Z(I)");
}

TEST_F(Pgwire, ChecksWhatBindBrings) {
  auto client = logged_in();
  client->ask(parse("e", "echo") + kSync);
  const auto first_words = [&](const std::string& bytes) {
    const std::string said = client->ask(bytes + kSync);
    return said.substr(0, 14);
  };
  EXPECT_EQ(first_words(bind("", "e", {"1"})), "E(ERROR 08P01 ");
  EXPECT_EQ(first_words(bind("", "e", {"one", "x"})), "E(ERROR 22P02 ");
  EXPECT_EQ(first_words(bind("", "e", {"1", "\xFF"})), "E(ERROR 22021 ");
  const auto with_formats = [](const std::string& parameter, const std::string& result) {
    return message(
        'B', text("") + text("e") + parameter + i16(2) + i32(1) + "1" + i32(1) + "x" + result);
  };
  EXPECT_EQ(first_words(with_formats(i16(1) + i16(2), i16(0))), "E(ERROR 22023 ");
  EXPECT_EQ(first_words(message('B', text("") + text("e") + i16(1) + i16(1) + i16(2) + i32(4) +
                                         i32(1) + i32(1) + "\xFF" + i16(0))),
            "E(ERROR 22021 ");
  EXPECT_EQ(first_words(with_formats(i16(3) + i16(0) + i16(0) + i16(0), i16(0))), "E(ERROR 08P01 ");
  EXPECT_EQ(first_words(with_formats(i16(0), i16(1) + i16(7))), "E(ERROR 22023 ");
  EXPECT_EQ(first_words(with_formats(i16(0), i16(3) + i16(0) + i16(0) + i16(0))), "E(ERROR 08P01 ");
}

TEST_F(Pgwire, FlushSendsWhatIsThere) {
  auto client = logged_in();
  client->send(parse("", "insert") + kFlush);
  EXPECT_EQ(client->next(), "1");
  client->send(bind("", "") + execute("") + kFlush);
  EXPECT_EQ(client->next(), "2");
  EXPECT_EQ(client->next(), "C(INSERT 0 1)");
}

TEST_F(Pgwire, AnswersAPipelineInOrder) {
  auto client = logged_in();
  std::string bytes;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    bytes += parse("", "echo") + bind("", "", {std::to_string(i), "x"}) + execute("") + kSync;
    expected += fmt::format("1 2 D({},x) C(SELECT 1) Z(I) ", i);
  }
  client->send(bytes);
  std::string said;
  for (int i = 0; i < 200; ++i) said += client->until('Z') + " ";
  EXPECT_EQ(said, expected);
}

TEST_F(Pgwire, AFailedCommitIsSaidAtSync) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(parse("", "broken") + bind("", "") + execute("") + kSync),
            "1 2 C(INSERT 0 1) E(ERROR 40001 M:could not serialize access) Z(I)");
}

// ---- COPY

TEST_F(Pgwire, CopiesIn) {
  auto client = logged_in();
  client->send(query("copy in; insert"));
  EXPECT_EQ(client->next(), "G(2 columns)");
  client->send(message('d', "a\tb\nc") + message('d', "\td\n") + message('c'));
  EXPECT_EQ(client->until('Z'), "C(COPY 2) C(INSERT 0 1) Z(I)");
  EXPECT_EQ(sessions_.copied_bytes(), "a\tb\nc\td\n");
}

TEST_F(Pgwire, CopiesInThroughTheExtendedProtocol) {
  auto client = logged_in();
  // Clients send Sync along with Execute; it counts for nothing while the COPY runs.
  EXPECT_EQ(client->ask(parse("", "copy in") + bind("", "") + execute("") + kSync +
                        message('d', "x\n") + message('c') + kSync),
            "1 2 G(2 columns) C(COPY 2) Z(I)");
  EXPECT_EQ(sessions_.copied_bytes(), "x\n");
}

TEST_F(Pgwire, ACopyThatFailsSwallowsTheRest) {
  auto client = logged_in();
  EXPECT_EQ(
      client->ask(query("copy in") + message('d', "a!\n") + message('d', "b\n") + message('c')),
      "G(2 columns) E(ERROR 22P04 M:extra data after last expected column) Z(I)");
  EXPECT_EQ(client->ask(query("insert")), "C(INSERT 0 1) Z(I)");
  EXPECT_EQ(sessions_.copied_bytes(), "");
}

TEST_F(Pgwire, TheClientCanFailACopy) {
  auto client = logged_in();
  EXPECT_EQ(client->ask(query("copy in") + message('d', "a\n") + message('f', text("no more"))),
            "G(2 columns) E(ERROR 57014 M:COPY from stdin failed: no more) Z(I)");
  EXPECT_TRUE(sessions_.has("copy failed: no more"));
}

TEST_F(Pgwire, ACopyWhoseClientLeavesIsNotDone) {
  auto client = logged_in();
  client->send(query("copy in") + message('d', "a\n"));
  EXPECT_EQ(client->next(), "G(2 columns)");
  client->hang_up();
  EXPECT_TRUE(sessions_.wait_for("copy failed: the client has gone"));
  EXPECT_TRUE(sessions_.wait_for("session ended"));
  EXPECT_FALSE(sessions_.has("copy done"));
}

TEST_F(Pgwire, CopiesOut) {
  auto client = logged_in();
  client->send(query("copy out 2500"));
  EXPECT_EQ(client->next(), "H(2 columns)");
  std::string bytes;
  std::string said = client->next();
  for (; said[0] == 'd'; said = client->next()) bytes += client->last_body();
  EXPECT_EQ(said, "c");
  EXPECT_EQ(client->until('Z'), "C(COPY 2) Z(I)");
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), '\n'), 2500);
  EXPECT_TRUE(bytes.starts_with("line 0\nline 1\n"));
  EXPECT_TRUE(bytes.ends_with("line 2499\n"));
}

// ---- cancel, loss, stop

TEST_F(Pgwire, CancelsTheStatementThatIsMeant) {
  auto client = logged_in();
  client->send(query("wait"));
  ASSERT_TRUE(sessions_.wait_for("begin waiting"));
  std::string wrong_key = client->key();
  wrong_key[7] = static_cast<char>(wrong_key[7] ^ 1);
  for (const std::string& key : {wrong_key, client->key()}) {
    EXPECT_FALSE(sessions_.has("cancelled"));
    Client canceller(server_->port());
    canceller.send(i32(16) + i32(80877102) + key);
    EXPECT_EQ(canceller.next(), "end");
  }
  EXPECT_EQ(client->until('Z'), "E(ERROR 57014 M:canceling statement due to user request) Z(I)");
  EXPECT_EQ(client->ask(query("insert")), "C(INSERT 0 1) Z(I)");
}

TEST_F(Pgwire, StopsTheStatementOfAClientThatHasGone) {
  auto client = logged_in();
  client->send(query("wait"));
  ASSERT_TRUE(sessions_.wait_for("begin waiting"));
  client->hang_up();
  EXPECT_TRUE(sessions_.wait_for("cancelled"));
  EXPECT_TRUE(sessions_.wait_for("session ended"));
}

TEST_F(Pgwire, ASlowClientHoldsUpItsOwnRowsOnly) {
  auto client = logged_in();
  client->send(query("endless"));
  EXPECT_EQ(client->next(), "T(n:23,t:25)");
  // Until the sockets are full, and no further.
  uint64_t before = 0;
  do {
    before = sessions_.rows_made;
    EXPECT_EQ(logged_in()->ask(query("insert")), "C(INSERT 0 1) Z(I)");
    std::this_thread::yield();
  } while (sessions_.rows_made != before);
  client->hang_up();
  EXPECT_TRUE(sessions_.wait_for("session ended"));
}

TEST_F(Pgwire, StopEndsIdleRunningAndBlockedClients) {
  auto idle = logged_in();
  auto running = logged_in();
  auto blocked = logged_in();
  Client silent(server_->port());
  running->send(query("wait"));
  blocked->send(query("endless"));
  ASSERT_TRUE(sessions_.wait_for("begin waiting"));
  EXPECT_EQ(blocked->next(), "T(n:23,t:25)");
  EXPECT_EQ(server_->connections(), 3);
  const auto begin = std::chrono::steady_clock::now();
  std::thread stopping([&] { server_->stop(); });
  EXPECT_EQ(idle->next(), "E(FATAL 57P01 M:terminating connection due to administrator command)");
  EXPECT_EQ(idle->next(), "end");
  EXPECT_EQ(running->next(),
            "E(FATAL 57P01 M:terminating connection due to administrator command)");
  EXPECT_TRUE(sessions_.has("cancelled"));
  stopping.join();
  // Both of them, or what a statement has written would be committed.
  EXPECT_EQ(sessions_.times("failed"), 2);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(server_->connections(), 0);
}

// ---- malformed

TEST_F(Pgwire, MalformedMessagesEndOneConnectionOnly) {
  auto other = logged_in();
  const std::pair<std::string, std::string> cases[] = {
      {std::string("\x01\x02\x03", 3), "E(FATAL 08P01"},
      {message('E', "no zero"), "E(FATAL 08P01"},
      {message('B', text("") + text("") + i16(30000)), "E(FATAL 08P01"},
      {'Q' + i32(3), "E(FATAL 08P01"},
      {'Q' + i32(200'000'000) + "select", "E(FATAL 54000"},
      {message('F', "x"), "E(FATAL 0A000"},
  };
  for (const auto& [bytes, refusal] : cases) {
    auto client = logged_in();
    client->send(bytes);
    const std::string said = client->next();
    EXPECT_TRUE(said.starts_with(refusal)) << said;
    if (refusal.ends_with("54000")) {
      EXPECT_EQ(client->next(), "Z(I)");
    }
    EXPECT_EQ(client->next(), "end");
  }
  EXPECT_EQ(other->ask(query("insert")), "C(INSERT 0 1) Z(I)");
}

TEST_F(Pgwire, AClientStillReadsWhyItsHugeStatementWasRefused) {
  auto client = logged_in();
  client->send('Q' + i32(17 << 20));
  const std::string piece(size_t{1} << 20, 'x');
  for (int i = 0; i < 17; ++i) client->send(piece);
  EXPECT_TRUE(client->next().starts_with("E(FATAL 54000"));
}

}  // namespace
}  // namespace sluice::pgwire
