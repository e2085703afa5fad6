#include "export/sample.h"

#include <algorithm>

#include "export/file_sink.h"
#include "export/run_files.h"

namespace sluice::exports {
namespace {

// A row group as it usually is.
constexpr uint64_t kMostRows = 122'880;
constexpr uint64_t kEnoughBytes = uint64_t{8} << 20;
// Of files of few rows several are looked at.
constexpr uint64_t kSmallFiles = 8;

Error no_store() { return internal("a sample has no store"); }

class Nowhere final : public store::ObjectStore {
 public:
  Result<store::Listing> list_after(const std::string&, const std::string&, int,
                                    std::stop_token) override {
    return no_store();
  }
  Status put(const std::string&, std::span<const std::byte>, std::stop_token) override {
    return no_store();
  }
  Status remove(const std::string&, std::stop_token) override { return no_store(); }
  Result<std::string> get(const std::string&, std::stop_token) override { return no_store(); }
  Result<std::vector<store::OpenUpload>> list_uploads(const std::string&,
                                                      std::stop_token) override {
    return no_store();
  }
  Status abort_upload(const store::OpenUpload&, std::stop_token) override { return no_store(); }
  std::string url(const std::string& key) const override { return key; }

  using ObjectStore::writer;
  std::unique_ptr<store::ObjectWriter> writer(const std::string&, UploadBegun) override {
    return std::make_unique<Writer>();
  }

 private:
  class Writer final : public store::ObjectWriter {
   public:
    Status append(std::span<const std::byte> bytes, std::stop_token) override {
      bytes_ += bytes.size();
      return ok();
    }
    Status close(std::stop_token) override { return ok(); }
    Result<store::ObjectInfo> complete(std::stop_token) override { return no_store(); }
    Status abort(std::stop_token) override { return ok(); }
    uint64_t bytes() const override { return bytes_; }

   private:
    uint64_t bytes_ = 0;
  };
};

// The sink asks for its columns only.
class Columns final : public engine::Reader {
 public:
  explicit Columns(const engine::Shape& shape) : shape_(shape) {}
  const engine::Shape& shape() const override { return shape_; }
  Status run(engine::ChunkSink&, std::stop_token) override { return no_store(); }

 private:
  const engine::Shape& shape_;
};

ExportSpec without_facts(const ExportSpec& spec) {
  ExportSpec plain = spec;
  plain.manifest = false;
  return plain;
}

class Sampler {
 public:
  Sampler(const ExportSpec& spec, uint64_t file_rows, engine::Engine& engine,
          engine::RowStream& rows)
      : spec_(without_facts(spec)),
        file_rows_(std::clamp<uint64_t>(file_rows, 1, kMostRows)),
        rows_(rows),
        columns_(rows.shape()),
        files_(spec_, nowhere_, progress_, nullptr),
        sink_(spec_, engine, files_, progress_) {}

  Result<Sample> take(const std::stop_token& stop) {
    TRY(sink_.prepare(columns_));
    TRY(sink_.write_empty({}));
    sample_.empty_bytes = progress_.bytes;
    progress_.bytes = 0;
    const uint64_t most_files = file_rows_ < STANDARD_VECTOR_SIZE ? kSmallFiles : 1;
    while (!is_at_end_ && sample_.files < most_files) TRY(write_file(stop));
    sample_.bytes = progress_.bytes;
    return sample_;
  }

 private:
  // Its rows are in one piece where they are fewer than a chunk's: the rest of it is left out, so
  // that the files lie apart.
  Status write_file(const std::stop_token& stop) {
    TRY_ASSIGN(const auto local, sink_.open_local());
    const uint64_t before = progress_.bytes;
    uint64_t in_file = 0;
    while (in_file < file_rows_ && progress_.bytes - before < kEnoughBytes) {
      auto chunk = rows_.next(stop);
      if (!chunk.ok() && stop.stop_requested()) is_at_end_ = true;
      if (is_at_end_) break;
      TRY(chunk);
      if (*chunk == nullptr) {
        is_at_end_ = true;
        sample_.is_all = !has_left_out_;
        break;
      }
      const uint64_t wanted = file_rows_ - in_file;
      if ((*chunk)->size() > wanted) {
        has_left_out_ = true;
        (*chunk)->SetCardinality(wanted);
      }
      in_file += (*chunk)->size();
      TRY(local->append(**chunk, {}));
    }
    TRY(local->finish({}));
    TRY(sink_.finish({}));
    sample_.rows += in_file;
    sample_.files += in_file > 0 ? 1 : 0;
    return ok();
  }

  const ExportSpec spec_;
  const uint64_t file_rows_;
  engine::RowStream& rows_;
  const Columns columns_;
  Nowhere nowhere_;
  ExportProgress progress_;
  RunFiles files_;
  FileSink sink_;
  Sample sample_;
  bool is_at_end_ = false;     // of the rows, or of the time
  bool has_left_out_ = false;  // rows that were read
};

}  // namespace

Result<Sample> write_sample(const ExportSpec& spec, uint64_t file_rows, engine::Engine& engine,
                            engine::RowStream& rows, const std::stop_token& stop) {
  Sampler sampler(spec, file_rows, engine, rows);
  return sampler.take(stop);
}

}  // namespace sluice::exports
