// Addresses that lead to a machine's own credentials, or nowhere in particular: no request on a
// user's behalf may go there.
//
//   169.254.0.0/16, fe80::/10      link-local: metadata services of EC2, ECS, GCE, Azure
//   fd00:ec2::/32                  EC2's metadata service over IPv6
//   100.100.100.200                Alibaba's, 168.63.129.16 Azure's host
//   0.0.0.0/8, ::                  unspecified: this machine
//
// and each IPv4 one of them in IPv6's clothes (mapped, compatible, NAT64).
//
// Pure functions.
#pragma once

#include <string>

struct sockaddr;

namespace sluice::http {

bool is_reserved_address(const sockaddr& address);
// Of a host as it may stand in a url, without brackets: false for a name. IPv4 in all the forms
// that resolvers take (`2852039166`, `0xa9.254.1`).
bool is_reserved_address(const std::string& host);

// `169.254.169.254`; empty for other families than IP.
std::string text_of(const sockaddr& address);

}  // namespace sluice::http
