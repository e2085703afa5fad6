#include "aws/ambient.h"

#include <charconv>
#include <cstdlib>
#include <set>
#include <vector>

#include "aws/credential_process.h"
#include "aws/metadata.h"
#include "aws/profiles.h"
#include "aws/refreshing.h"
#include "aws/sts.h"

namespace sluice::aws {
namespace {

constexpr const char* kDefaultRegion = "us-east-1";
constexpr const char* kInstanceEndpoint = "http://169.254.169.254";
constexpr const char* kInstanceEndpointV6 = "http://[fd00:ec2::254]";
constexpr const char* kSessionName = "sluice";

// What is set and not empty.
std::optional<std::string> variable(const AmbientOptions& options, const std::string& name) {
  std::optional<std::string> value;
  if (options.environment) {
    value = options.environment(name);
  } else if (const char* text = std::getenv(name.c_str()); text != nullptr) {
    value = text;
  }
  if (value && value->empty()) value.reset();
  return value;
}

struct Files {
  Profiles profiles;
  std::vector<std::string> paths;
  bool any = false;  // of them is there
  std::string profile = "default";
  bool profile_is_named = false;
};

Result<Files> read_files(const AmbientOptions& options) {
  Files out;
  if (const auto name = variable(options, "AWS_PROFILE")) {
    out.profile = *name;
    out.profile_is_named = true;
  }
  const std::string home = variable(options, "HOME").value_or("");
  const auto read = [&](const char* name, const char* own, ProfileFile kind) -> Status {
    auto path = variable(options, name);
    if (!path && home.empty()) return ok();
    if (!path) path = home + own;
    if (path->starts_with("~/")) path = home + path->substr(1);
    out.paths.push_back(*path);
    TRY_ASSIGN(const auto text, read_small_file(*path));
    if (!text) return ok();
    out.any = true;
    if (Status status = out.profiles.read(*text, kind); !status.ok()) {
      return std::move(status).error().within(*path);
    }
    return ok();
  };
  TRY(read("AWS_CONFIG_FILE", "/.aws/config", ProfileFile::kConfig));
  TRY(read("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials", ProfileFile::kCredentials));
  return out;
}

std::string setting(const Profile& profile, const char* name) {
  const auto found = profile.find(name);
  return found == profile.end() ? std::string() : found->second;
}

// One walk through all sources.
class Chain {
 public:
  Chain(http::Client& http, const AmbientOptions& options, std::stop_token stop)
      : options_(options),
        search_{http, [&options](const std::string& name) { return variable(options, name); },
                std::chrono::steady_clock::now() + options.bound, options.metadata_connect_timeout,
                std::move(stop)} {}

  Result<s3::Credentials> find() {
    const std::pair<const char*, Result<Found> (Chain::*)()> kSources[] = {
        {"environment", &Chain::environment},
        {"profile", &Chain::profile},
        {"web identity token", &Chain::web_identity},
        {"container", &Chain::container},
        {"EC2 instance", &Chain::instance}};
    for (const auto& [name, source] : kSources) {
      auto found = (this->*source)();
      if (!found.ok()) {
        if (found.error().code == ErrorCode::kCancelled) return cancelled();
        return failed(
            std::move(found).error().within(fmt::format("AWS credentials from {}", name)));
      }
      if (found->credentials) return *std::move(found->credentials);
      tried_ += fmt::format("{}{}: {}", tried_.empty() ? "" : "\n", name, found->why_not);
    }
    return failed(error(ErrorCode::kDenied, "this server has no AWS credentials of its own"));
  }

 private:
  Error failed(Error failure) const {
    if (failure.sqlstate.empty()) failure.sqlstate = "58000";
    if (!tried_.empty()) failure.detail = "Tried before this gave up:\n" + tried_;
    if (failure.hint.empty()) {
      failure.hint =
          "Give the server's process credentials, by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
          "a "
          "profile, or the role of its machine or container.";
    }
    return failure;
  }

  Result<Found> environment() {
    const auto key = search_.variable("AWS_ACCESS_KEY_ID");
    const auto secret = search_.variable("AWS_SECRET_ACCESS_KEY");
    if (!key) return Found{{}, "AWS_ACCESS_KEY_ID is not set"};
    if (!secret) return Found{{}, "AWS_SECRET_ACCESS_KEY is not set"};
    s3::Credentials out;
    out.access_key_id = *key;
    out.secret_access_key = *secret;
    out.session_token = search_.variable("AWS_SESSION_TOKEN").value_or("");
    return Found{std::move(out), {}};
  }

  Result<Found> profile() {
    TRY_ASSIGN(files_, read_files(options_));
    if (!files_.any && !files_.profile_is_named) {
      if (files_.paths.empty()) return Found{{}, "there is no home directory"};
      return Found{{}, fmt::format("there is no file {}", fmt::join(files_.paths, " or "))};
    }
    if (files_.profiles.find(files_.profile) == nullptr && !files_.profile_is_named) {
      return Found{{},
                   fmt::format("{} have no profile \"default\"", fmt::join(files_.paths, " and "))};
    }
    std::set<std::string> seen;
    return from_profile(files_.profile, seen);
  }

  // `seen`: the profiles on the way here.
  Result<Found> from_profile(const std::string& name, std::set<std::string>& seen) {
    const auto refuse = [&name](std::string_view why) {
      return error(ErrorCode::kInvalid, "profile \"{}\": {}", name, why);
    };
    const Profile* const found = files_.profiles.find(name);
    if (found == nullptr) {
      return refuse(fmt::format("it is not in {}", fmt::join(files_.paths, " or ")));
    }
    const Profile& profile = *found;
    const bool first_time = seen.insert(name).second;
    s3::Credentials keys;
    keys.access_key_id = setting(profile, "aws_access_key_id");
    keys.secret_access_key = setting(profile, "aws_secret_access_key");
    keys.session_token = setting(profile, "aws_session_token");
    const bool has_keys = !keys.access_key_id.empty() && !keys.secret_access_key.empty();
    const std::string source = setting(profile, "source_profile");
    // A profile may be its own source: then its keys are meant.
    if (!first_time && has_keys) return Found{std::move(keys), {}};
    if (!first_time) return refuse("its source_profile leads back to it");
    if (!setting(profile, "role_arn").empty()) return from_role(name, profile, seen);
    if (has_keys) return Found{std::move(keys), {}};
    if (!keys.access_key_id.empty()) return refuse("it has no aws_secret_access_key");
    for (const char* sso : {"sso_session", "sso_start_url", "sso_account_id"}) {
      if (!setting(profile, sso).empty()) {
        return refuse("it uses SSO (IAM Identity Center), which is not supported")
            .with_hint(fmt::format(
                "Let AWS's own program sign in for it: credential_process = aws configure "
                "export-credentials --profile {}",
                name));
      }
    }
    if (const std::string command = setting(profile, "credential_process"); !command.empty()) {
      auto credentials = run_credential_process(
          command, std::max(search_.left(), std::chrono::milliseconds(1)), search_.stop);
      if (credentials.ok()) return Found{std::move(credentials).value(), {}};
      if (credentials.error().code == ErrorCode::kCancelled) return cancelled();
      return std::move(credentials)
          .error()
          .within(fmt::format("profile \"{}\": credential_process", name));
    }
    if (files_.profile_is_named || seen.size() > 1) return refuse("it has no credentials");
    return Found{{}, fmt::format("profile \"{}\" has no credentials", name)};
  }

  Result<Found> from_role(const std::string& name, const Profile& profile,
                          std::set<std::string>& seen) {
    const auto refuse = [&name](std::string_view why) {
      return error(ErrorCode::kInvalid, "profile \"{}\": {}", name, why);
    };
    RoleSession session{setting(profile, "role_arn"), setting(profile, "role_session_name"),
                        setting(profile, "external_id"), std::chrono::seconds(0)};
    if (const std::string text = setting(profile, "duration_seconds"); !text.empty()) {
      int64_t seconds = 0;
      const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
      if (failure != std::errc() || end != text.data() + text.size() || seconds <= 0) {
        return refuse("its duration_seconds is no number of seconds");
      }
      session.duration = std::chrono::seconds(seconds);
    }
    if (session.session_name.empty()) session.session_name = kSessionName;
    if (!setting(profile, "mfa_serial").empty()) {
      return refuse("its role wants a code of an MFA device, which nobody is here to type");
    }
    const std::string region = setting(profile, "region");
    const std::string source = setting(profile, "source_profile");
    const std::string from = setting(profile, "credential_source");
    if (const std::string path = setting(profile, "web_identity_token_file"); !path.empty()) {
      return by_web_identity(path, session, region);
    }
    if (source.empty() == from.empty()) {
      return refuse("with role_arn it needs one of source_profile and credential_source");
    }
    Result<Found> base = source.empty() ? from_source(name, from) : from_profile(source, seen);
    if (!base.ok()) {
      if (base.error().code == ErrorCode::kCancelled) return base;
      return std::move(base).error().within(fmt::format("profile \"{}\"", name));
    }
    if (!base->credentials) return refuse(fmt::format("its source: {}", base->why_not));
    const auto signer = s3::fixed_credentials(*std::move(base->credentials));
    auto assumed = assume_role(search_.http, sts(region), session, *signer, search_.stop);
    if (!assumed.ok()) {
      if (assumed.error().code == ErrorCode::kCancelled) return cancelled();
      return std::move(assumed).error().within(fmt::format("profile \"{}\"", name));
    }
    return Found{std::move(assumed).value(), {}};
  }

  Result<Found> from_source(const std::string& name, const std::string& source) {
    if (source == "Environment") return environment();
    if (source == "EcsContainer") return container();
    if (source == "Ec2InstanceMetadata") return instance();
    return error(ErrorCode::kInvalid,
                 "profile \"{}\": credential_source is \"{}\", not Environment, EcsContainer or "
                 "Ec2InstanceMetadata",
                 name, source);
  }

  Result<Found> web_identity() {
    const auto path = search_.variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!path) return Found{{}, "AWS_WEB_IDENTITY_TOKEN_FILE is not set"};
    const auto role = search_.variable("AWS_ROLE_ARN");
    if (!role) return invalid("AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not");
    return by_web_identity(
        *path, {*role, search_.variable("AWS_ROLE_SESSION_NAME").value_or(kSessionName), {}, {}},
        {});
  }

  Result<Found> by_web_identity(const std::string& path, const RoleSession& session,
                                const std::string& region) {
    TRY_ASSIGN(auto token, read_small_file(path));
    if (!token) return error(ErrorCode::kNotFound, "there is no file {}", path);
    while (token->ends_with('\n') || token->ends_with('\r')) token->pop_back();
    if (token->empty()) return invalid("{} is empty", path);
    TRY_ASSIGN(auto credentials, assume_role_with_web_identity(search_.http, sts(region), session,
                                                               *token, search_.stop));
    return Found{std::move(credentials), {}};
  }

  Result<Found> container() { return container_credentials(search_, options_.container_endpoint); }

  Result<Found> instance() {
    std::string endpoint = options_.instance_endpoint;
    if (endpoint.empty()) {
      endpoint = search_.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("");
      while (endpoint.ends_with('/')) endpoint.pop_back();
    }
    if (endpoint.empty()) {
      const bool v6 =
          search_.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").value_or("") == "IPv6";
      endpoint = v6 ? kInstanceEndpointV6 : kInstanceEndpoint;
    }
    return instance_credentials(search_, endpoint);
  }

  Sts sts(const std::string& region) const {
    Sts out;
    out.endpoint = ambient_sts_endpoint(options_);
    out.region = region.empty() ? ambient_region(options_) : region;
    out.ca_file = ambient_ca_file(options_);
    out.retry.deadline = std::max(search_.left(), std::chrono::milliseconds(1));
    out.clock = options_.clock;
    return out;
  }

  const AmbientOptions& options_;
  const Search search_;
  Files files_;
  std::string tried_;  // a line each
};

}  // namespace

std::shared_ptr<s3::CredentialsProvider> ambient_credentials(http::Client& http,
                                                             AmbientOptions options) {
  Clock* const clock = options.clock;
  return std::make_shared<RefreshingCredentials>(
      [&http, options = std::move(options)](std::stop_token stop) {
        return Chain(http, options, std::move(stop)).find();
      },
      RefreshingCredentials::Options{.clock = clock});
}

std::string ambient_region(const AmbientOptions& options) {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (const auto region = variable(options, name)) return *region;
  }
  const auto files = read_files(options);
  const Profile* const profile = files.ok() ? files->profiles.find(files->profile) : nullptr;
  const std::string region = profile != nullptr ? setting(*profile, "region") : "";
  return region.empty() ? kDefaultRegion : region;
}

std::string ambient_sts_endpoint(const AmbientOptions& options) {
  const auto own = variable(options, "AWS_ENDPOINT_URL_STS");
  return own ? *own : variable(options, "AWS_ENDPOINT_URL").value_or("");
}

std::string ambient_ca_file(const AmbientOptions& options) {
  return variable(options, "AWS_CA_BUNDLE").value_or("");
}

}  // namespace sluice::aws
