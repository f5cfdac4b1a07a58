#pragma once
/// A disk that is full for the processes that are started with its environment (full_disk_library.cpp).
/// Threads: one.

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace strata::test {

class full_disk {
 public:
  /// `folder` holds the library and the switch; it becomes readable for the processes of every user. `under`:
  /// a part of the paths of the files that cannot grow.
  full_disk(const std::string& folder, std::string under)
      : flag_(folder + "/disk-is-full"), library_(folder + "/full_disk.so"), under_(std::move(under)) {
    using std::filesystem::perms;
    const auto all =
        perms::owner_all | perms::group_read | perms::group_exec | perms::others_read | perms::others_exec;
    std::filesystem::permissions(folder, all);
    std::filesystem::copy_file(STRATA_FULL_DISK_LIBRARY, library_);
    std::filesystem::permissions(library_, all);
  }

  std::vector<std::pair<std::string, std::string>> environment() const {
    return {{"LD_PRELOAD", library_}, {"TEST_FULL_DISK", flag_}, {"TEST_FULL_DISK_UNDER", under_}};
  }
  void fill() const { std::ofstream(flag_) << ""; }
  void empty() const { std::filesystem::remove(flag_); }

 private:
  std::string flag_;
  std::string library_;
  std::string under_;
};

}  // namespace strata::test
