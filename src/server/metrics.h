// The server's numbers in Prometheus' text form.
#pragma once

#include <string>

#include "server/stores.h"
#include "session/database.h"

namespace sluice::server {

std::string metrics_text(session::Database& database, const Stores& stores);

}  // namespace sluice::server
