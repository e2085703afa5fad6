// What the tests of this folder share: a strict S3 in the process, and a client of it that wastes
// no time on pauses. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/text.h"
#include "http/client.h"
#include "s3/client.h"
#include "s3/object_writer.h"
#include "s3/part_pool.h"
#include "s3fake/server.h"

namespace sluice::s3 {

// Content that shows when pieces of it are swapped, lost or doubled.
inline std::string content_of(size_t bytes) {
  std::string out;
  out.reserve(bytes + 16);
  for (uint64_t i = 0; out.size() < bytes; ++i) out += std::to_string(i * 7919) + ',';
  out.resize(bytes);
  return out;
}

// Times that a request fails.
inline constexpr int kForGood = 1'000'000;

struct S3Fixture {
  static constexpr uint64_t kPartBytes = 64 << 10;

  static s3fake::Server::Options small_parts() {
    s3fake::Server::Options options;
    options.min_part_bytes = kPartBytes;
    return options;
  }

  explicit S3Fixture(s3fake::Server::Options server_options = small_parts())
      : server(std::move(server_options)) {
    make_client(client_options());
  }

  Client::Options client_options() const {
    Client::Options options;
    options.endpoint.url = server.endpoint();
    options.region = server.options().region;
    options.ca_file = server.ca_file();
    options.retry.base = std::chrono::milliseconds(1);
    options.retry.cap = std::chrono::milliseconds(2);
    options.idle_timeout = std::chrono::milliseconds(10'000);
    options.seed = 1;
    return options;
  }

  void make_client(Client::Options options) {
    client.reset();
    const auto& keys = server.options().keys;
    client =
        Client::make(http,
                     fixed_credentials({keys.access_key, keys.secret_key, keys.session_token, {}}),
                     std::move(options))
            .value();
  }

  ObjectWriter::Options writer_options() const {
    ObjectWriter::Options options;
    options.first_part_bytes = kPartBytes;
    options.settle_bound = std::chrono::milliseconds(50);
    options.abort_bound = std::chrono::milliseconds(5'000);
    return options;
  }
  std::unique_ptr<ObjectWriter> writer(const std::string& key) {
    return std::make_unique<ObjectWriter>(*client, pool, name(key), writer_options());
  }
  ObjectName name(const std::string& key) const { return {server.options().bucket, key}; }

  bool is_clean() {
    return client->wait_for_clean_up(std::chrono::seconds(20)) && server.open_uploads().empty();
  }

  s3fake::Server server;
  http::Client http;
  PartPool pool{size_t{1} << 20};
  std::unique_ptr<Client> client;
};

}  // namespace sluice::s3
