#pragma once
/// Everything: `#include <strata/strata.hpp>`.

#include <strata/cache.hpp>
#include <strata/cache_type.hpp>
#include <strata/cached.hpp>
#include <strata/codec.hpp>
#include <strata/compression.hpp>
#include <strata/database.hpp>
#include <strata/encryption.hpp>
#include <strata/entity.hpp>
#include <strata/error.hpp>
#include <strata/events.hpp>
#include <strata/json.hpp>
#include <strata/key.hpp>
#include <strata/lookup.hpp>
#include <strata/migrations.hpp>
#include <strata/observer.hpp>
#include <strata/policy.hpp>
#include <strata/repository.hpp>
#include <strata/row.hpp>
#include <strata/stats.hpp>
#include <strata/store.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>
#include <strata/timer.hpp>
#include <strata/trace.hpp>
#include <strata/unit_of_work.hpp>
