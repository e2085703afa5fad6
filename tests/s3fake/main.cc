// The strict S3 server as a process of its own, for tests that kill the server under test.
//
// It says where it listens, then takes commands from standard input, one a line, and answers each
// with one line:
//
//   mark TEXT                            requests with this in their target are counted from here
//   on count                                how many there were kill PID N before|after|late TEXT
//   the process is killed at the nth of those: when it has come
//                                        and is never carried out; when it was carried out; or as
//                                        before, and it is carried out a little later
//   killed                               operation and target of that request; empty: not yet
//   fail OPERATION NTH COUNT FAULT       as Server::fail(); * is any operation
//   clear                                no faults any more
//   deny OPERATION                       refused from here on, for want of rights
//   hold SECONDS [OPERATION]             requests wait so long before they are carried out
//   objects | uploads                    their keys
//   parts                                how many the uploads have
//   reset                                all of the above away, and all that is stored
//   user NAME KEY SECRET                 one more for STS and S3; answers with its arn
//   role NAME POLICY                     with this trust policy; answers with its arn
//   limit NAME POLICY                    the role may do what this policy allows, no more
//   dialect NAME=VALUE ...               what the store understands: checksums=A,B unsigned=no
//                                        conditions=ignored|refused equal=yes max=N; others as
//                                        usual
//   checksum KEY                         of an object: ALGORITHM=VALUE, empty without one
//   when TEXT expire|revoke              when a request with this in operation and target comes for
//                                        the first time, all sessions end; with the latter no
//                                        others are given either
//   expire | revoke | grant              the same at once; and its end
//   assumed                              role, session name and external id of each session, if any
//
// It ends when standard input does.
#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "s3fake/server.h"

namespace sluice::s3fake {
namespace {

constexpr auto kLate = std::chrono::milliseconds(300);

class Process {
 public:
  Process() : server_(options()) {}

  void run() {
    const auto& made = server_.options();
    say(fmt::format("{} {} {} {} {}", server_.endpoint(), made.keys.access_key,
                    made.keys.secret_key, made.region, made.bucket));
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words(line);
      std::string command;
      words >> command;
      say(answer(command, words));
    }
  }

 private:
  using Moment = Server::Options::Moment;

  Server::Options options() {
    Server::Options options;
    options.keeps_late_parts = true;
    options.sts = sts_;
    options.allowed = [this](const std::string& operation, const std::string&) {
      const std::lock_guard lock(mutex_);
      return denied_.count(operation) == 0;
    };
    options.watch = [this](Moment moment, const std::string& operation, const std::string& target) {
      return watch(moment, operation + " " + target);
    };
    return options;
  }

  static void say(const std::string& line) {
    std::fputs((line + "\n").c_str(), stdout);
    std::fflush(stdout);
  }

  std::string answer(const std::string& command, std::istringstream& words) {
    if (command == "mark") {
      const std::lock_guard lock(mutex_);
      words >> mark_;
      seen_ = 0;
    } else if (command == "count") {
      return std::to_string(seen_.load());
    } else if (command == "kill") {
      const std::lock_guard lock(mutex_);
      words >> victim_ >> kill_at_ >> kill_how_ >> mark_;
      killed_at_.clear();
      seen_ = 0;
    } else if (command == "killed") {
      const std::lock_guard lock(mutex_);
      return killed_at_;
    } else if (command == "fail") {
      FaultRule rule;
      std::string fault;
      words >> rule.operation >> rule.nth >> rule.count >> fault;
      if (rule.operation == "*") rule.operation.clear();
      for (const Fault known : all_faults()) {
        if (name(known) == fault) rule.fault = known;
      }
      if (rule.fault == Fault::kNone) return "no such fault";
      server_.fail(rule);
    } else if (command == "clear") {
      server_.clear_faults();
    } else if (command == "deny") {
      const std::lock_guard lock(mutex_);
      std::string operation;
      words >> operation;
      denied_.insert(operation);
    } else if (command == "hold") {
      double seconds = 0;
      words >> seconds;
      const std::lock_guard lock(mutex_);
      held_.clear();
      words >> held_;
      hold_ms_ = static_cast<int>(seconds * 1000);
    } else if (command == "objects") {
      std::string keys;
      for (const auto& [key, content] : server_.objects()) keys += key + " ";
      return keys;
    } else if (command == "uploads") {
      std::string keys;
      for (const std::string& key : server_.open_uploads()) keys += key + " ";
      return keys;
    } else if (command == "parts") {
      return std::to_string(server_.parts());
    } else if (command == "user") {
      std::string name;
      Keys keys;
      words >> name >> keys.access_key >> keys.secret_key;
      return sts_->add_user(name, keys);
    } else if (command == "role") {
      std::string name, policy, arn;
      words >> name;
      std::getline(words, policy);
      return sts_->add_role(name, policy, &arn) ? arn : "not a trust policy";
    } else if (command == "limit") {
      std::string name, policy;
      words >> name;
      std::getline(words, policy);
      return sts_->limit_role(name, policy) ? "ok" : "not a policy, or no such role";
    } else if (command == "dialect") {
      return speak(words);
    } else if (command == "checksum") {
      std::string key;
      words >> key;
      return server_.checksum(key);
    } else if (command == "when") {
      const std::lock_guard lock(mutex_);
      std::string text;
      words >> text;
      words >> occasions_[text];
    } else if (command == "expire" || command == "revoke" || command == "grant") {
      change_sessions(command);
    } else if (command == "assumed") {
      std::string all;
      for (const Sts::Record& record : sts_->requests()) {
        if (record.action != "AssumeRole" || !record.code.empty()) continue;
        all += fmt::format("{} {} {};", record.role_arn, record.session_name, record.external_id);
      }
      return all;
    } else if (command == "reset") {
      server_.clear_faults();
      server_.clear();
      server_.speak({});
      sts_->refuse(0, "", "");
      const std::lock_guard lock(mutex_);
      denied_.clear();
      occasions_.clear();
      victim_ = 0;
      hold_ms_ = 0;
    } else {
      return "no such command";
    }
    return "ok";
  }

  std::string speak(std::istringstream& words) {
    Server::Options::Dialect dialect;
    using Conditions = Server::Options::Dialect::Conditions;
    for (std::string word; words >> word;) {
      const auto equals = word.find('=');
      const std::string name = word.substr(0, equals);
      const std::string value = equals == word.npos ? "" : word.substr(equals + 1);
      if (name == "checksums") {
        dialect.checksums.clear();
        std::istringstream list(value);
        for (std::string one; std::getline(list, one, ',');) dialect.checksums.insert(one);
      } else if (name == "unsigned") {
        dialect.takes_unsigned = value != "no";
      } else if (name == "conditions") {
        dialect.conditions = value == "refused" ? Conditions::kRefused : Conditions::kIgnored;
      } else if (name == "equal") {
        dialect.equal_parts = value == "yes";
      } else if (name == "max") {
        dialect.max_parts = std::stoi(value);
      } else {
        return "no such property";
      }
    }
    server_.speak(std::move(dialect));
    return "ok";
  }

  void change_sessions(const std::string& how) {
    if (how != "grant") sts_->expire_sessions();
    if (how == "revoke") sts_->refuse(403, "AccessDenied", "sessions are not given any more");
    if (how == "grant") sts_->refuse(0, "", "");
  }

  bool watch(Moment moment, const std::string& what) {
    std::unique_lock lock(mutex_);
    for (auto occasion = occasions_.begin(); occasion != occasions_.end();) {
      const bool happens = what.find(occasion->first) != what.npos;
      if (happens) change_sessions(occasion->second);
      occasion = happens ? occasions_.erase(occasion) : std::next(occasion);
    }
    if (moment == Moment::kBefore && hold_ms_ > 0 && what.rfind(held_, 0) == 0) {
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds(hold_ms_));
      lock.lock();
    }
    // Both moments of a request are on its connection's thread; others come in between.
    static thread_local int number = 0;
    if (moment == Moment::kBefore) number = what.find(mark_) == what.npos ? 0 : ++seen_;
    if (victim_ == 0 || number != kill_at_) return true;
    if (moment == Moment::kBefore && kill_how_ == "after") return true;
    ::kill(victim_, SIGKILL);
    victim_ = 0;
    killed_at_ = what;
    const bool late = kill_how_ == "late";
    lock.unlock();
    if (late) std::this_thread::sleep_for(kLate);
    return late;
  }

  const std::shared_ptr<Sts> sts_ = std::make_shared<Sts>();
  std::mutex mutex_;
  std::set<std::string> denied_;  // guarded, as the next seven
  std::map<std::string, std::string> occasions_;
  pid_t victim_ = 0;
  int kill_at_ = 0;
  std::string kill_how_;
  std::string killed_at_;
  std::string mark_;
  std::string held_;
  std::atomic<int> seen_{0};
  std::atomic<int> hold_ms_{0};
  Server server_;  // last: its threads use the others
};

}  // namespace
}  // namespace sluice::s3fake

int main() {
  sluice::s3fake::Process().run();
  return 0;
}
