#include "export/open_file.h"

#include "export/parquet_footer.h"

namespace sluice::exports {

Result<std::unique_ptr<ParquetFile>> ParquetFile::begin(std::unique_ptr<parquet::Writer> writer,
                                                        RunFile& file, uint64_t target_bytes,
                                                        const std::stop_token& stop) {
  TRY(writer->begin(
      [&file](std::span<const std::byte> bytes, std::stop_token append_stop) {
        return file.append(bytes, std::move(append_stop));
      },
      stop));
  return std::make_unique<ParquetFile>(std::move(writer), file, target_bytes);
}

// What a manifest says of a file's rows is read again from what was written.
Status ParquetFile::end_content(const std::stop_token& stop) {
  if (file_.facts() == nullptr) return writer_->finish(stop);
  file_.keep_tail();
  TRY(writer_->finish(stop));
  const std::string tail = file_.take_tail();
  TRY_ASSIGN(const uint64_t in_file, rows_of_parquet_footer(tail));
  if (in_file == rows) return ok();
  return internal("{}: its footer tells of {} rows, {} were written", file_.key(), in_file, rows);
}

}  // namespace sluice::exports
