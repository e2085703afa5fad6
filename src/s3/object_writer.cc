#include "s3/object_writer.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/log.h"

namespace sluice::s3 {

uint64_t part_bytes(int part_number, uint64_t first_part_bytes, const Dialect& dialect,
                    uint64_t most_bytes) {
  CHECK(part_number >= 1 && part_number <= dialect.max_parts);
  if (dialect.equal_parts) return first_part_bytes;
  const int parts_of_one_size = (dialect.max_parts + 9) / 10;
  return std::min({first_part_bytes << ((part_number - 1) / parts_of_one_size),
                   dialect.max_part_bytes, std::max(most_bytes, first_part_bytes)});
}

// What the store has of this object so far.
struct ObjectWriter::Upload {
  Upload(ObjectName object_name, const Options& writer_options)
      : name(std::move(object_name)), options(writer_options) {}

  const ObjectName name;
  const Options options;
  std::stop_source stop_parts;

  std::mutex mutex;
  std::condition_variable_any changed;
  int in_flight = 0;             // guarded, as the next two
  std::optional<Error> failure;  // the first part's that failed
  std::vector<SentPart> parts;   // by part number - 1

  // The writer's thread, then the one that cleans up.
  std::string id;              // empty: no upload is known
  bool may_be_others = false;  // uploads to this key with ids that we do not know
  bool may_be_published = false;

  bool is_at_the_store() const { return !id.empty() || may_be_others || may_be_published; }

  void ended(int part_number, Result<SentPart> part) {
    // Notified under the lock: whoever waits may destroy the client next.
    const std::lock_guard lock(mutex);
    if (part.ok()) {
      parts[static_cast<size_t>(part_number) - 1] = std::move(*part);
    } else if (!failure) {
      failure = std::move(part).error();
    }
    --in_flight;
    changed.notify_all();
  }

  void cut_parts() {
    stop_parts.request_stop();
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return in_flight == 0; });  // stopped requests end at once
  }
};

class ObjectWriter::Bound {
 public:
  explicit Bound(std::chrono::milliseconds bound) : end_(Steady::now() + bound) {}
  // Never nothing: then even the first try would not be made.
  std::chrono::milliseconds left() const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Steady::now());
    return std::max(left, std::chrono::milliseconds(1));
  }

 private:
  using Steady = std::chrono::steady_clock;
  const Steady::time_point end_;
};

ObjectWriter::ObjectWriter(Client& client, PartPool& pool, ObjectName name, Options options,
                           Begun begun)
    : client_(client),
      pool_(pool),
      options_(options),
      begun_(std::move(begun)),
      upload_(std::make_shared<Upload>(std::move(name), options)),
      current_(pool.take_buffer()) {}

ObjectWriter::~ObjectWriter() {
  pool_.give_back(std::move(current_));
  if (abort_was_tried_) return;
  if (state_ == State::kCompleted ? !upload_->may_be_others : !upload_->is_at_the_store()) return;
  const bool keep_object = state_ == State::kCompleted;
  client_.clean_up_later([&client = client_, upload = upload_, keep_object](std::stop_token stop) {
    if (keep_object) upload->may_be_published = false;
    if (const auto status = clean_up(client, *upload, std::move(stop)); !status.ok()) {
      log::warning("an upload may be left behind: {}", status.error().message);
    }
  });
}

const std::string& ObjectWriter::upload_id() const { return upload_->id; }

Status ObjectWriter::fail(Error error) {
  failure_ = error;
  return error;
}

Error ObjectWriter::too_large() const {
  const Dialect& dialect = client_.dialect();
  Error too_large =
      error(ErrorCode::kExhausted, "{}: multi-part upload cannot have more than {} parts",
            upload_->name.url(), dialect.max_parts)
          .with_hint("Write smaller files: MAX FILE SIZE.");
  const uint64_t last = part_bytes(dialect.max_parts, options_.first_part_bytes, dialect);
  if (options_.most_part_bytes >= last) return too_large;
  return std::move(too_large)
      .with_detail(fmt::format("Memory allows for parts of {} bytes, so the file ends at {} bytes.",
                               options_.most_part_bytes, bytes_))
      .with_hint(
          "Write several files (MAX FILE SIZE), or give the server a larger --memory-limit.");
}

Status ObjectWriter::append(std::span<const std::byte> bytes, std::stop_token stop) {
  if (failure_) return *failure_;
  CHECK(state_ == State::kOpen);
  while (!bytes.empty()) {
    const Dialect& dialect = client_.dialect();
    if (parts_begun_ == dialect.max_parts) return fail(too_large());
    const uint64_t limit =
        part_bytes(parts_begun_ + 1, options_.first_part_bytes, dialect, options_.most_part_bytes);
    const size_t taken = current_.fill(bytes, limit);
    bytes = bytes.subspan(taken);
    bytes_ += taken;
    if (current_.size() == limit) TRY(send_part(stop));
  }
  return ok();
}

Status ObjectWriter::end(std::stop_token stop) {
  if (failure_) return *failure_;
  if (state_ != State::kOpen) return ok();
  // An empty object is an upload of one empty part.
  if (current_.size() > 0 || parts_begun_ == 0) TRY(send_part(stop));
  // An export may have thousands of files that have ended.
  pool_.give_back(std::move(current_));
  state_ = State::kEnded;
  return ok();
}

bool ObjectWriter::is_sent() const {
  const std::lock_guard lock(upload_->mutex);
  return upload_->in_flight == 0 || upload_->failure;
}

Status ObjectWriter::close(std::stop_token stop) {
  TRY(end(stop));
  if (state_ != State::kEnded) return ok();
  std::unique_lock lock(upload_->mutex);
  const bool ended = upload_->changed.wait(
      lock, stop, [this] { return upload_->in_flight == 0 || upload_->failure; });
  if (!ended) return fail(cancelled());
  if (upload_->failure) return fail(*upload_->failure);
  state_ = State::kClosed;
  return ok();
}

Result<ObjectInfo> ObjectWriter::complete(std::stop_token stop) {
  if (failure_) return *failure_;
  CHECK(state_ == State::kClosed);
  upload_->may_be_published = true;
  auto completion =
      client_.complete_upload(upload_->name, upload_->id, upload_->parts, std::move(stop));
  if (!completion.object.ok()) {
    upload_->may_be_published = completion.may_have_happened;
    failure_ = completion.object.error();
    return std::move(completion.object).error();
  }
  upload_->id.clear();
  state_ = State::kCompleted;
  return std::move(completion.object);
}

Status ObjectWriter::abort(std::stop_token stop) {
  if (state_ == State::kAborted) return ok();
  failure_ = error(ErrorCode::kCancelled, "{}: the upload was aborted", upload_->name.url());
  abort_was_tried_ = true;
  const Bound bound(options_.abort_bound);
  upload_->cut_parts();
  TRY(remove(client_, *upload_, bound, stop));
  state_ = State::kAborted;
  return ok();
}

Status ObjectWriter::begin_upload(const std::stop_token& stop) {
  if (!upload_->id.empty()) return ok();
  auto id = client_.create_upload(upload_->name, &upload_->may_be_others, stop);
  if (!id.ok()) return fail(std::move(id).error());
  upload_->id = std::move(*id);
  if (!begun_) return ok();
  Status told = begun_(upload_->id, stop);
  return told.ok() ? ok() : fail(std::move(told).error());
}

// Hands the current part to the client, and begins the next one.
Status ObjectWriter::send_part(std::stop_token stop) {
  TRY(begin_upload(stop));
  {
    std::unique_lock lock(upload_->mutex);
    const bool free = upload_->changed.wait(lock, stop, [this] {
      return upload_->in_flight < options_.parts_in_flight || upload_->failure;
    });
    if (!free) return fail(cancelled());
    if (upload_->failure) return fail(*upload_->failure);
  }
  auto permit = pool_.acquire(current_.size(), stop);
  if (!permit.ok()) return fail(std::move(permit).error());
  struct Part {
    PartBuffer buffer;
    PartPool::Permit permit;
  };
  const auto part = std::make_shared<Part>();
  part->buffer = std::move(current_);
  part->permit = std::move(*permit);
  current_ = pool_.take_buffer();
  const int number = ++parts_begun_;
  {
    const std::lock_guard lock(upload_->mutex);
    upload_->parts.resize(static_cast<size_t>(number));
    ++upload_->in_flight;
  }
  client_.upload_part(upload_->name, upload_->id, number, part->buffer.bytes(),
                      upload_->stop_parts.get_token(),
                      [upload = upload_, part, &pool = pool_, number](Result<SentPart> sent) {
                        pool.give_back(std::move(part->buffer));
                        part->permit = {};
                        upload->ended(number, std::move(sent));
                      });
  return ok();
}

// Blocks, for a bounded time: on the client's thread, after a drop.
Status ObjectWriter::clean_up(Client& client, Upload& upload, std::stop_token stop) {
  const Bound bound(upload.options.abort_bound + upload.options.settle_bound);
  bool were_in_flight = false;
  {
    const std::lock_guard lock(upload.mutex);
    were_in_flight = upload.in_flight > 0;
  }
  if (were_in_flight) {
    // Nobody waits for its success: it is done again below.
    const Status first = client.abort_upload(upload.name, upload.id, stop, bound.left());
    if (!first.ok()) log::debug("{}", first.error().message);
    {
      std::unique_lock lock(upload.mutex);
      upload.changed.wait_for(lock, stop, upload.options.settle_bound,
                              [&upload] { return upload.in_flight == 0; });
    }
    upload.cut_parts();
  }
  return remove(client, upload, bound, stop);
}

// When no part is under way any more. Goes on after errors.
Status ObjectWriter::remove(Client& client, const Upload& upload, const Bound& bound,
                            const std::stop_token& stop) {
  Status status;
  const auto keep_first_error = [&status](Status one) {
    if (status.ok() && !one.ok()) status = std::move(one);
  };
  if (!upload.id.empty()) {
    keep_first_error(client.abort_upload(upload.name, upload.id, stop, bound.left()));
  }
  if (upload.may_be_others) keep_first_error(abort_uploads_of_key(client, upload, bound, stop));
  if (upload.may_be_published) {
    Status deleted = client.delete_object(upload.name, stop, bound.left());
    const bool is_gone = !deleted.ok() && deleted.error().code == ErrorCode::kNotFound;
    if (!is_gone) keep_first_error(std::move(deleted));
  }
  return status;
}

Status ObjectWriter::abort_uploads_of_key(Client& client, const Upload& upload, const Bound& bound,
                                          std::stop_token stop) {
  TRY_ASSIGN(const auto uploads,
             client.list_uploads(upload.name.bucket, upload.name.key, stop, bound.left()));
  for (const OpenUpload& open : uploads) {
    if (open.key != upload.name.key) continue;
    TRY(client.abort_upload(upload.name, open.id, stop, bound.left()));
  }
  return ok();
}

}  // namespace sluice::s3
