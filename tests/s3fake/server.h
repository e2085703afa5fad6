// A strict S3 server inside the test process, which can fail any call in any way.
//
// It refuses what S3 refuses and what clients should not lean on: wrong or missing signatures
// (checked by code of its own), headers that are not signed, payloads that do not match their
// digest, keys in a non-canonical encoding, unknown parameters, parts that are too small, out of
// order or with another ETag. Objects appear on completion only; a completed upload is unknown
// afterwards, as S3 is allowed to have it.
//
// Threads: safe from any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "s3fake/http_server.h"
#include "s3fake/signature.h"
#include "s3fake/sts.h"

namespace sluice::s3fake {

enum class Fault {
  kNone,
  kInternalError,          // 500
  kSlowDown,               // 503 SlowDown
  kTooManyRequests,        // 429
  kRequestTimeout,         // 400 RequestTimeout
  kDenied,                 // 403 AccessDenied
  kResetBefore,            // the connection is reset when the head has come
  kResetDuring,            // ... when half of the body has come
  kLostAnswer,             // done, then reset without an answer
  kHang,                   // not done, never answered
  kHangAfter,              // done, never answered
  kTruncated,              // done, half of the answer, end of the connection
  kErrorIn200,             // not done: 200 with an error in its body
  kErrorIn200AfterAll,     // done, and yet 200 with an error in its body
  kInternalErrorAfterAll,  // done, and yet 500
  kWrongEtag,              // done, with an ETag in the answer that is not the part's
  kEmptyAnswer,            // done, 200 with no body and no ETag
  kTrickle,                // done, answered a few bytes at a time
};
std::string name(Fault fault);
const std::vector<Fault>& all_faults();

// From the nth request of `operation` on ("": of any), `count` of them.
struct FaultRule {
  std::string operation;  // as in S3's manual: PutObject, UploadPart, ...
  int nth = 1;
  int count = 1;
  Fault fault = Fault::kNone;
};

struct Record {
  std::string operation;
  std::string method;
  std::string target;
  std::string key;
  int status = 0;  // 0: none was sent
  Fault fault = Fault::kNone;
};

class Server {
 public:
  struct Options {
    Keys keys{"AKIDFAKE", "fake/secret+key", ""};
    std::string region = "eu-test-1";
    std::string bucket = "lake";
    uint64_t min_part_bytes = uint64_t{5} << 20;
    bool tls = false;
    // With it, the endpoint is STS's too (POST /), and its users and sessions are let in beside
    // `keys`.
    std::shared_ptr<Sts> sts = nullptr;
    std::function<time_t()> now = [] { return std::time(nullptr); };
    // Whether a bucket's key may be read, listed, written: for tests of rights. (operation, key)
    std::function<bool(const std::string&, const std::string&)> allowed;
    // As S3 does: a part that was on its way when its upload was aborted is kept, and so the
    // upload.
    bool keeps_late_parts = false;
    // What is said to a signature for another region: 400 AuthorizationHeaderMalformed, or 301 or
    // 307, as AWS does where another host is to be asked.
    int wrong_region_status = 400;
    // What the store understands, and its limits.
    struct Dialect {
      std::set<std::string> checksums = {"CRC32", "CRC32C", "CRC64NVME", "SHA256"};
      enum class Conditions { kObeyed, kIgnored, kRefused } conditions = Conditions::kObeyed;
      bool takes_unsigned = true;
      bool equal_parts = false;
      int max_parts = 10'000;
      bool path_style = true;  // else buckets are in the host's name only
    };
    Dialect dialect;
    // Sees, and may change, what has come, before anything is done with it.
    std::function<void(const std::string& operation, std::string& body)> on_body;
    // Called with each request when it has come whole, and again when it was carried out and is
    // about to be answered. false: the connection ends there.
    enum class Moment { kBefore, kAfter };
    std::function<bool(Moment, const std::string& operation, const std::string& target)> watch;
  };

  Server();  // with default options
  explicit Server(Options options);
  ~Server();

  std::string endpoint() const;  // http://127.0.0.1:PORT
  const std::string& ca_file() const { return http_->ca_file(); }
  const Options& options() const { return options_; }
  size_t connections() const { return http_->connections(); }

  void fail(FaultRule rule);
  void clear_faults();
  void clear();  // objects and uploads

  std::map<std::string, std::string> objects() const;
  std::string checksum(const std::string& key) const;  // `CRC32C=…`; empty: none was given
  void speak(Options::Dialect dialect);                // from now on
  void put(const std::string& key, std::string content);
  // Opens an upload as another client would; returns its id.
  std::string open_upload(const std::string& key);
  std::vector<std::string> open_uploads() const;  // their keys
  size_t parts() const;                           // of those
  std::vector<Record> requests() const;
  size_t count(const std::string& operation) const;  // requests of that operation so far
  void wait_for(const std::string& operation, size_t requests);  // that many have begun

 private:
  struct Part {
    std::string content;
    std::string etag;
    std::string checksum;  // in base64
  };
  struct Upload {
    std::string key;
    std::string algorithm;  // of its checksums; empty: none
    bool full_object = false;
    std::map<int, Part> parts;
  };
  struct Aborted {
    std::string key;
    uint64_t at = 0;  // among the requests
  };
  struct Object {
    std::string content;
    std::string etag;
    std::string checksum;  // `CRC32C=…`, of parts `CRC32C=…-2`
  };
  struct Call;    // one request, understood
  struct Answer;  // what is to be sent

  bool handle(const HttpRequest& request, Connection& connection);
  Refusal understand(const HttpRequest& request, Call& call) const;
  Refusal find_keys(const HttpRequest& request, Keys& keys) const;
  Fault next_fault(const std::string& operation);
  Answer check_and_act(const HttpRequest& request, const Call& call, const std::string& body);
  Answer act(const Call& call, const HttpRequest& request, const std::string& body);
  Answer list_objects(const Call& call) const;
  Answer list_uploads(const Call& call) const;
  Answer put_object(const Call& call, const HttpRequest& request, const std::string& body);
  Answer create_upload(const Call& call, const HttpRequest& request);
  Answer upload_part(const Call& call, const HttpRequest& request, const std::string& body);
  Answer complete(const Call& call, const HttpRequest& request, const std::string& body);
  // An empty code: the checksum that the request has, if any, is its body's; it goes to `found`.
  Refusal check_checksum(const HttpRequest& request, const std::string& body,
                         std::string& algorithm, std::string& found) const;
  static Answer error(int status, const std::string& code, const std::string& message);

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Options::Dialect dialect_;  // guarded, as all below
  std::map<std::string, Object> objects_;
  std::map<std::string, Upload> uploads_;
  std::map<std::string, Aborted> aborted_;  // by upload id
  std::vector<Record> records_;
  struct Armed {
    FaultRule rule;
    int seen = 0;
  };
  std::vector<Armed> faults_;
  int last_upload_ = 0;
  int last_request_ = 0;
  std::unique_ptr<HttpServer> http_;  // last: its threads use all above
};

}  // namespace sluice::s3fake
