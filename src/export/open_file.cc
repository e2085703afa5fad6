#include "export/open_file.h"

#include "engine/push/parquet_encoder.h"

namespace sluice::exports {

Result<std::unique_ptr<CsvFile>> CsvFile::begin(RunFile& file, uint64_t target_bytes,
                                                std::string_view header,
                                                const std::stop_token& stop) {
  auto open = std::make_unique<CsvFile>(file, target_bytes);
  if (!header.empty()) TRY(open->append(header, stop));
  return open;
}

struct ParquetFile::Encoder {
  std::shared_ptr<duckdb::DatabaseInstance> instance;  // shared: the encoder's, while it lives
  std::unique_ptr<engine::ParquetEncoder> encoder;
};

Result<std::unique_ptr<ParquetFile>> ParquetFile::begin(engine::Engine& engine, RunFile& file,
                                                        uint64_t target_bytes, Options options,
                                                        const std::stop_token& stop) {
  engine::ParquetEncoderOptions encoder_options;
  encoder_options.shape = std::move(options.shape);
  encoder_options.compression = std::move(options.compression);
  encoder_options.max_group_bytes = options.max_group_bytes;
  encoder_options.expected_ratio = options.expected_ratio;
  auto encoder = std::make_unique<Encoder>();
  TRY_ASSIGN(encoder->instance, engine.instance());
  TRY_ASSIGN(encoder->encoder,
             engine::ParquetEncoder::open(
                 *encoder->instance, std::move(encoder_options),
                 [&file](std::span<const std::byte> bytes, std::stop_token append_stop) {
                   return file.append(bytes, std::move(append_stop));
                 },
                 stop));
  return std::unique_ptr<ParquetFile>(new ParquetFile(file, target_bytes, std::move(encoder)));
}

ParquetFile::ParquetFile(RunFile& file, uint64_t target, std::unique_ptr<Encoder> encoder)
    : OpenFile(file, target), encoder_(std::move(encoder)) {}
ParquetFile::~ParquetFile() = default;

Status ParquetFile::append(engine::Chunk& chunk, const std::stop_token& stop) {
  return encoder_->encoder->append(chunk, stop);
}
Status ParquetFile::end_content(const std::stop_token& stop) {
  return encoder_->encoder->finish(stop);
}
uint64_t ParquetFile::bytes() const { return encoder_->encoder->bytes(); }
double ParquetFile::ratio() const { return encoder_->encoder->ratio(); }

}  // namespace sluice::exports
