// Where a bucket is: the url, the host and the path by which its objects are asked for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::s3 {

// Endpoint::is_private() of this url; of one that is none, too. Empty: Amazon's.
bool is_private(std::string_view url);
// Whether it may become a part of a host's name.
bool is_region_name(std::string_view region);

// Where a request goes. `host` and `path` are what is signed; the url is `origin` + the encoded
// path.
struct Target {
  std::string origin;  // https://host[:port]
  std::string host;    // as in the Host header
  std::string path;    // not encoded; begins with `/`
};

class Endpoint {
 public:
  struct Options {
    std::string url;     // http[s]://HOST[:PORT][/PATH]; empty: AWS's own for the region
    std::string region;  // for AWS's own
    // Whether the bucket is a part of the path (`host/bucket/key`) and not of the host name
    // (`bucket.host/key`). Not given: yes where `url` is.
    std::optional<bool> path_style;
  };

  // kInvalid: the url is none, or has a query, a user or a password in it.
  static Result<Endpoint> make(const Options& options);

  // `key` may be empty: the bucket itself.
  Target target(std::string_view bucket, std::string_view key) const;

  bool tls() const { return scheme_ == "https"; }
  // Whether nobody on the way can change what is sent: TLS, or an address of this machine itself.
  // Digests of payloads would only cost time then.
  bool is_private() const;

 private:
  std::string scheme_;
  std::string authority_;  // host, and port unless it is the scheme's own
  std::string base_path_;  // without a slash at its end
  bool path_style_ = false;
};

}  // namespace sluice::s3
