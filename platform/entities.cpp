#include "platform/entities.hpp"

#include "platform/define_entity.hpp"

namespace strata::platform {

namespace {

template <class... Entities>
std::vector<entity_definition> define_all(boost::mp11::mp_list<Entities...>) {
  return {define<Entities>()...};
}

}  // namespace

const std::vector<entity_definition>& all_entities() {
  static const auto all = define_all(entity_types());
  return all;
}

}  // namespace strata::platform
