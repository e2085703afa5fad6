// Who may call /api/sql. A page of any web site can make a browser send requests to this machine:
// it must not reach SQL, neither by its own name that resolves to our address (DNS rebinding: Host
// is checked) nor by a cross-site request (Origin is checked, and a form cannot send JSON). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::webapi {

// The host of a Host header without its port, in lower case: `localhost`, `[::1]`. Empty for what
// is none.
std::string host_without_port(std::string_view host);

// Whether `text` may be among the `allowed` below: a name or an address without a port, `sluice`,
// `sql.example.com`, `fd00::1`.
bool is_host_name(std::string_view text);

// localhost, loopback addresses, `local_address` (of the connection, numeric) and `allowed`.
bool is_allowed_host(std::string_view host, std::string_view local_address,
                     const std::vector<std::string>& allowed);

// Whether `origin` (as http://localhost:6876) is where `host` is.
bool is_same_origin(std::string_view origin, std::string_view host);

// application/json, in UTF-8 if it says what it is in.
bool is_json(std::string_view content_type);

}  // namespace sluice::webapi
