# The engine as a producer of rows, for exports.
list(APPEND ENGINE_SOURCES allocations.cc push/pieces.cc push/push_copy.cc push/stream_file_system.cc)
list(APPEND ENGINE_TESTS allocations_test.cc push/pieces_test.cc push/push_copy_test.cc)
