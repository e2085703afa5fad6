// A CSV file while it is written, compressed or not.
//
// No file is larger than its largest size, also not by a byte, unless a single row is. A compressed
// one is a sequence of frames (format/compression.h): text is gathered into a frame only as far as
// it fits into the room that is left however badly it is compressed. So frames are of one size
// until the file is nearly full, and then each is smaller than the one before, until the rest is
// not worth one.
//
// Threads: as OpenFile.
#pragma once

#include <memory>
#include <string>

#include "export/open_file.h"
#include "format/compression.h"
#include "format/csv.h"

namespace sluice::exports {

class CsvFile final : public OpenFile {
 public:
  struct Options {
    std::string header;
    format::Compression compression;
  };
  static Result<std::unique_ptr<CsvFile>> begin(RunFile& file, uint64_t target,
                                                const Options& options,
                                                const std::stop_token& stop);
  using OpenFile::OpenFile;

  // Takes records from `first` on, as many as fit; one that fits nowhere if the file has none yet.
  // Returns the first that it has not taken.
  Result<size_t> append(const format::CsvRecords& records, size_t first,
                        const std::stop_token& stop);
  // A whole frame, of a file that nothing bounds.
  Status append_frame(std::string_view frame, const std::stop_token& stop);

  uint64_t bytes() const override;

 private:
  Status write(std::string_view bytes, const std::stop_token& stop);
  // Gathers the text first; then bytes are written when there is a frame of it.
  Status write_frame(const std::stop_token& stop);
  uint64_t room() const;
  Status end_content(const std::stop_token& stop) override;

  bool has_rows_ = false;
  std::unique_ptr<format::Compressor> compressor_;  // null: as it is
  std::string frame_;                               // the text of the next one
  uint64_t text_bytes_ = 0;                         // of the frames that are written
};

}  // namespace sluice::exports
