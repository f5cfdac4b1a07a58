#include "platform/assets.hpp"

namespace strata::platform {

const strata::server::asset_library& platform_assets() {
  static const strata::server::asset_library made(embedded_files(), "/assets");
  return made;
}

}  // namespace strata::platform
