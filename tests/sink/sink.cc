// An S3 that reads uploads and keeps only their sizes: the limit of a client's speed without that
// of a server's disk. It takes any signature.
//
// usage: sink [--port P] [--delay SECONDS] [--tls]
//
// It runs in the foreground, prints `sink ready: URL`, with --tls followed by the file of the
// certificate to trust, and ends with SIGTERM. On the machine that is measured its own work is to
// be little: the kernel drops what comes in the clear, and of what has to be decrypted nothing is
// copied. Of the ciphers that a client offers it takes the one with the shortest key, as S3 does.
#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "s3fake/http_server.h"
#include "s3fake/signature.h"
#include "s3fake/xml.h"

namespace sluice::s3fake {
namespace {

struct Answer {
  int status = 200;
  std::string body;
  uint64_t length = 0;  // of a HEAD's object
};

Answer not_found(std::string_view code) {
  return {
      404,
      xml_document("Error", xml_element("Code", code) + xml_element("Message", "there is none")),
      0};
}

class Sink {
 public:
  explicit Sink(std::chrono::duration<double> delay) : delay_(delay) {}

  bool serve(const HttpRequest& request, Connection& connection) {
    if (!request.header("expect").empty()) connection.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!connection.drop(request.content_length)) return false;
    std::this_thread::sleep_for(delay_);
    const Answer answer = answer_to(request);
    const bool is_head = request.method == "HEAD";
    std::map<std::string, std::string> headers{{"ETag", "\"" + std::string(32, '0') + "\""},
                                               {"Content-Type", "application/xml"},
                                               {"x-amz-request-id", "SINK"}};
    if (is_head) headers["Content-Length"] = fmt::format("{}", answer.length);
    return connection.write(http_answer(answer.status, headers, answer.body, is_head));
  }

 private:
  struct Upload {
    std::string name;
    std::map<int, uint64_t> parts;  // sizes by number
  };

  Answer answer_to(const HttpRequest& request) {
    const std::string_view target = request.target;
    const size_t mark = target.find('?');
    std::string name;  // bucket/key
    std::vector<std::pair<std::string, std::string>> pairs;
    if (!percent_decode(target.substr(0, mark), name) ||
        (mark != std::string_view::npos && !parse_query(target.substr(mark + 1), pairs))) {
      return {400, {}, 0};
    }
    name.erase(0, 1);
    const std::map<std::string, std::string> query(pairs.begin(), pairs.end());
    const auto value = [&query](const char* parameter) {
      const auto found = query.find(parameter);
      return found == query.end() ? std::string() : found->second;
    };
    const std::string upload = value("uploadId");
    const std::string& method = request.method;
    const std::lock_guard lock(mutex_);
    if (method == "PUT" && !upload.empty()) {
      return add_part(upload, std::atoi(value("partNumber").c_str()), request.content_length);
    }
    if (method == "POST" && query.contains("uploads")) return begin(name);
    if (!upload.empty()) return end(upload, method == "POST");
    if (method == "PUT") {
      sizes_[name] = request.content_length;
      return {};
    }
    if (method == "DELETE") {
      sizes_.erase(name);
      return {204, {}, 0};
    }
    const auto bucket_ends = name.find('/');
    if (method == "GET" && (bucket_ends == std::string::npos || bucket_ends + 1 == name.size())) {
      return list(name.substr(0, bucket_ends) + "/", value("prefix"));
    }
    const auto found = sizes_.find(name);
    if (method != "HEAD" || found == sizes_.end()) return not_found("NoSuchKey");
    return {200, {}, found->second};
  }

  Answer begin(const std::string& name) {
    const std::string id = fmt::format("upload{}", ++begun_);
    uploads_[id].name = name;
    return {
        200,
        xml_document("InitiateMultipartUploadResult", xml_element("UploadId", id) + place(name)),
        0};
  }

  Answer add_part(const std::string& id, int number, uint64_t size) {
    const auto found = uploads_.find(id);
    if (found == uploads_.end()) return not_found("NoSuchUpload");
    found->second.parts[number] = size;
    return {};
  }

  Answer end(const std::string& id, bool keep) {
    const auto found = uploads_.find(id);
    if (found == uploads_.end()) return not_found("NoSuchUpload");
    const Upload upload = std::move(found->second);
    uploads_.erase(found);
    if (!keep) return {204, {}, 0};
    uint64_t& size = sizes_[upload.name];
    size = 0;
    for (const auto& [number, bytes] : upload.parts) size += bytes;
    return {200,
            xml_document("CompleteMultipartUploadResult",
                         xml_element("ETag", "\"0-1\"") + place(upload.name)),
            0};
  }

  Answer list(const std::string& bucket, const std::string& prefix) const {
    std::string items;
    int found = 0;
    for (auto at = sizes_.lower_bound(bucket + prefix);
         at != sizes_.end() && at->first.starts_with(bucket + prefix); at++) {
      items +=
          xml_element("Contents", xml_element("Key", xml_text(at->first.substr(bucket.size()))) +
                                      xml_element("Size", fmt::format("{}", at->second)));
      found++;
    }
    return {200,
            xml_document("ListBucketResult", xml_element("KeyCount", fmt::format("{}", found)) +
                                                 xml_element("IsTruncated", "false") + items),
            0};
  }

  static std::string place(const std::string& name) {
    const auto bucket_ends = name.find('/');
    return xml_element("Bucket", xml_text(name.substr(0, bucket_ends))) +
           xml_element("Key", xml_text(name.substr(bucket_ends + 1)));
  }

  const std::chrono::duration<double> delay_;
  std::mutex mutex_;
  std::map<std::string, uint64_t> sizes_;  // by bucket/key
  std::map<std::string, Upload> uploads_;
  uint64_t begun_ = 0;
};

int run(int count, char** arguments) {
  uint16_t port = 0;
  double delay = 0;
  bool tls = false;
  for (int at = 1; at < count; at++) {
    const std::string_view option = arguments[at];
    if (option == "--tls") {
      tls = true;
    } else if (at + 1 < count && option == "--port") {
      port = static_cast<uint16_t>(std::atoi(arguments[++at]));
    } else if (at + 1 < count && option == "--delay") {
      delay = std::atof(arguments[++at]);
    } else {
      std::fputs("usage: sink [--port P] [--delay SECONDS] [--tls]\n", stderr);
      return 2;
    }
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends,
                  nullptr);  // before there are threads, so that only sigwait() sees them
  Sink sink{std::chrono::duration<double>(delay)};
  const HttpServer server(
      [&sink](const HttpRequest& request, Connection& connection) {
        return sink.serve(request, connection);
      },
      tls, port);
  fmt::print("sink ready: {}://127.0.0.1:{}{}{}\n", tls ? "https" : "http", server.port(),
             tls ? " " : "", server.ca_file());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  return 0;
}

}  // namespace
}  // namespace sluice::s3fake

int main(int count, char** arguments) { return sluice::s3fake::run(count, arguments); }
