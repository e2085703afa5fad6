#include "store/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <system_error>

namespace sluice::store {
namespace {

constexpr int kOpenFolder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr mode_t kFolderMode = 0777;  // less the umask

}  // namespace

void FileHandle::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

Error system_error(std::string_view what, int error_number) {
  ErrorCode code = ErrorCode::kUnavailable;
  switch (error_number) {
    case ENOENT:
      code = ErrorCode::kNotFound;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = ErrorCode::kDenied;
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
      code = ErrorCode::kExhausted;
      break;
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case EINVAL:
      code = ErrorCode::kInvalid;
      break;
    default:
      break;
  }
  return error(code, "{}: {}", what, std::generic_category().message(error_number));
}

Result<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (name.empty() || name == "." || name == ".." || name.size() > NAME_MAX ||
        name.find('\0') != std::string_view::npos) {
      return invalid("invalid path \"{}\": \"{}\" can't be a name in it", path, name);
    }
    names.emplace_back(name);
    begin = end + 1;
  }
  return names;
}

Result<Folder> Folder::open(const std::string& path) {
  FileHandle handle(::open(path.c_str(), kOpenFolder));
  if (!handle.is_open()) return system_error(fmt::format("folder {}", path), errno);
  return Folder(path, std::move(handle));
}

Result<FileHandle> Folder::descend(const std::vector<std::string>& names,
                                   IfMissing if_missing) const {
  FileHandle at(::openat(handle_.get(), ".", kOpenFolder));
  std::string walked = path_;
  for (const std::string& name : names) {
    walked += "/" + name;
    if (if_missing == IfMissing::kCreate && ::mkdirat(at.get(), name.c_str(), kFolderMode) != 0 &&
        errno != EEXIST) {
      return system_error(fmt::format("create folder {}", walked), errno);
    }
    FileHandle next(::openat(at.get(), name.c_str(), kOpenFolder | O_NOFOLLOW));
    if (!next.is_open()) return system_error(fmt::format("folder {}", walked), errno);
    at = std::move(next);
  }
  return at;
}

}  // namespace sluice::store
