# The engine as a producer of rows and as an encoder of Parquet, for exports.
list(APPEND ENGINE_SOURCES allocations.cc push/parquet_encoder.cc push/pieces.cc push/push_copy.cc push/stream_file_system.cc)
list(APPEND ENGINE_TESTS allocations_test.cc push/parquet_encoder_test.cc push/pieces_test.cc push/push_copy_test.cc)
