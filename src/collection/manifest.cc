#include "collection/manifest.h"

#include <nlohmann/json.hpp>

#include "base/crc.h"

namespace sluice::collection {
namespace {

constexpr std::string_view kManifestMagic = "SLUICEHEAD3\n";
constexpr const char* kName = "manifest.json";
constexpr const char* kSum = "crc32c";
constexpr int kUnsummed = 1, kSummed = 2;  // formats

Error damaged(const std::string& path) {
  return error(ErrorCode::kInternal, "{} is damaged", path)
      .with_sqlstate("XX001")
      .with_hint("Restore the data directory from a copy.");
}

// Of all that a manifest says but the sum itself.
uint32_t sum_of(const nlohmann::json& manifest) {
  const std::string text = manifest.dump();
  return crc32c(std::as_bytes(std::span(text)));
}

void write_records(ByteWriter& out, const Records::Map& records) {
  out.u64(records.size());
  for (const auto& [key, value] : records) {
    out.text(key);
    out.text(value);
  }
}

Records::Map read_records(ByteReader& in) {
  Records::Map records;
  const uint64_t count = in.count(16);
  for (uint64_t i = 0; i < count; ++i) {
    std::string key(in.text());
    records[std::move(key)] = in.text();
  }
  return records;
}

void write_entry(ByteWriter& out, const Head::Entry& entry) {
  out.u64(entry.id.value);
  write_spec(out, entry.spec);
  out.i64(entry.created);
  out.i64(entry.next_row_id);
  out.flag(entry.retained.has_value());
  if (entry.retained) {
    write_history(out, entry.retained->history);
    out.i64(entry.retained->since.milliseconds);
  }
  const Collection::Capture& capture = entry.capture;
  out.flag(capture.dropped.has_value());
  out.i64(capture.dropped ? capture.dropped->milliseconds : 0);
  capture.deletions.write(out);
  out.u64(capture.removals.few.size());
  for (const auto& [time, row] : capture.removals.few) {
    out.i64(time);
    out.i64(row);
  }
  out.u64(capture.removals.many.size());
  for (const auto& [time, rows] : capture.removals.many) {
    out.i64(time);
    rows.write(out);
  }
  out.u64(capture.row_counts.size());
  for (const auto& [time, rows] : capture.row_counts) {
    out.i64(time);
    out.u64(rows);
  }
}

Result<Head::Entry> read_entry(ByteReader& in) {
  Head::Entry entry;
  entry.id.value = in.u64();
  TRY_ASSIGN(entry.spec, read_spec(in));
  entry.created = in.i64();
  entry.next_row_id = in.i64();
  if (in.flag()) {
    const History history = read_history(in);
    entry.retained = Timeline::Retained{history, Time{in.i64()}};
  }
  Collection::Capture& capture = entry.capture;
  const bool dropped = in.flag();
  const int64_t dropped_at = in.i64();
  if (dropped) capture.dropped = Time{dropped_at};
  capture.deletions = DeletionSet::read(in);
  capture.removals.few.resize(in.count(16));
  for (auto& [time, row] : capture.removals.few) {
    time = in.i64();
    row = in.i64();
  }
  capture.removals.many.resize(in.count(16));
  for (auto& [time, rows] : capture.removals.many) {
    time = in.i64();
    rows = DeletionSet::read(in);
  }
  capture.row_counts.resize(in.count(16));
  for (auto& [time, rows] : capture.row_counts) {
    time = in.i64();
    rows = in.u64();
  }
  TRY_ASSIGN(const auto batches, read_batches(in, entry.spec.shape.types, true));
  capture.tail.assign(batches.begin(), batches.end());
  return entry;
}

}  // namespace

Result<std::optional<Manifest>> read_manifest(Files& files, const Paths& paths) {
  const std::string path = paths.root + "/" + kName;
  if (!files.exists(path)) return std::optional<Manifest>();
  TRY_ASSIGN(const std::string text, files.read(path));
  auto json = nlohmann::json::parse(text, nullptr, false);
  try {
    if (json.at("format").get<int>() != kUnsummed) {
      const auto sum = json.at(kSum).get<uint32_t>();
      json.erase(kSum);
      if (sum != sum_of(json)) return damaged(path);
    }
    Manifest manifest;
    manifest.log = json.at("log").get<uint64_t>();
    manifest.head = json.at("head").get<std::string>();
    for (const auto& entry : json.at("segments")) {
      SegmentInfo info;
      info.number = entry.at("number").get<uint64_t>();
      info.rows = entry.at("rows").get<uint64_t>();
      info.bytes = entry.at("bytes").get<uint64_t>();
      info.first_time = entry.at("first_time").get<int64_t>();
      info.last_time = entry.at("last_time").get<int64_t>();
      info.has_times = entry.at("has_times").get<bool>();
      info.first_row_id = entry.at("first_row_id").get<int64_t>();
      info.last_row_id = entry.at("last_row_id").get<int64_t>();
      info.padded = entry.value("padded", true);  // older manifests do not tell
      manifest.segments[entry.at("collection").get<uint64_t>()].push_back(info);
    }
    return std::optional<Manifest>(std::move(manifest));
  } catch (const nlohmann::json::exception&) {
    return damaged(path);
  }
}

Status write_manifest(Files& files, const Paths& paths, const Manifest& manifest) {
  nlohmann::json json = {{"format", kSummed}, {"log", manifest.log}, {"head", manifest.head}};
  json["segments"] = nlohmann::json::array();
  for (const auto& [collection, segments] : manifest.segments) {
    for (const SegmentInfo& info : segments) {
      json["segments"].push_back({{"collection", collection},
                                  {"number", info.number},
                                  {"rows", info.rows},
                                  {"bytes", info.bytes},
                                  {"first_time", info.first_time},
                                  {"last_time", info.last_time},
                                  {"has_times", info.has_times},
                                  {"first_row_id", info.first_row_id},
                                  {"last_row_id", info.last_row_id},
                                  {"padded", info.padded}});
    }
  }
  json[kSum] = sum_of(json);
  return files.replace(paths.root, kName, json.dump(1) + "\n");
}

Status write_head(Files& files, const Paths& paths, const std::string& name, const Head& head) {
  ByteWriter body;
  body.u64(head.sequence);
  body.i64(head.upper);
  body.i64(head.since);
  body.u64(head.next_collection_id);
  body.u64(head.next_segment);
  body.u64(head.revision);
  write_records(body, head.records);
  write_records(body, head.notes);
  body.u64(head.collections.size());
  for (const Head::Entry& entry : head.collections) {
    write_entry(body, entry);
    TRY(write_batches(body, entry.capture.tail, true));
  }
  ByteWriter file;
  file.raw(kManifestMagic.data(), kManifestMagic.size());
  file.u32(crc32c(std::as_bytes(std::span(body.bytes()))));
  file.text(body.bytes());
  return files.replace(paths.logs, name, file.bytes());
}

Result<Head> read_head(Files& files, const Paths& paths, const std::string& name) {
  const std::string path = paths.logs + "/" + name;
  TRY_ASSIGN(const std::string content, files.read(path));
  if (!content.starts_with(kManifestMagic)) return damaged(path);
  ByteReader file(std::string_view(content).substr(kManifestMagic.size()));
  const uint32_t crc = file.u32();
  const std::string_view body = file.text();
  if (!file.ok() || crc32c(std::as_bytes(std::span(body))) != crc) return damaged(path);
  ByteReader in(body);
  Head head;
  head.sequence = in.u64();
  head.upper = in.i64();
  head.since = in.i64();
  head.next_collection_id = in.u64();
  head.next_segment = in.u64();
  head.revision = in.u64();
  head.records = read_records(in);
  head.notes = read_records(in);
  const uint64_t collections = in.count(8);
  for (uint64_t i = 0; i < collections && in.ok(); ++i) {
    TRY_ASSIGN(Head::Entry entry, read_entry(in));
    head.collections.push_back(std::move(entry));
  }
  if (!in.ok()) return damaged(path);
  return head;
}

}  // namespace sluice::collection
