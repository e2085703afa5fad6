// The server's numbers in Prometheus' text form.
#pragma once

#include <string>

#include "session/database.h"

namespace sluice::server {

std::string metrics_text(session::Database& database);

}  // namespace sluice::server
