#include "secrets/keyring.h"

#include <gmock/gmock.h>

#include <set>

namespace sluice::secrets {
namespace {

Keyring fresh() { return Keyring({*Key::random()}); }

TEST(Keyring, OpensWhatItHasSealed) {
  const Keyring keys = fresh();
  for (const std::string& value : {std::string(), std::string("hunter2"),
                                   std::string("\x00\xff'", 3), std::string(24576, 'x')}) {
    const auto sealed = keys.seal(value, "u1/value");
    ASSERT_TRUE(sealed.ok());
    const auto opened = keys.open(*sealed, "u1/value");
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(*opened, SecretString(value));
  }
}

TEST(Keyring, SealsTheSameValueDifferentlyEachTime) {
  const Keyring keys = fresh();
  std::set<std::string> sealed;
  for (int i = 0; i < 100; ++i) sealed.insert(*keys.seal("hunter2", "u1/value"));
  EXPECT_EQ(sealed.size(), 100U);
}

TEST(Keyring, DoesNotOpenAValueThatWasPutElsewhere) {
  const Keyring keys = fresh();
  const auto sealed = keys.seal("hunter2", "u1/value");
  for (const char* place : {"u2/value", "u1/SESSION TOKEN", ""}) {
    const auto opened = keys.open(*sealed, place);
    ASSERT_FALSE(opened.ok()) << place;
    EXPECT_THAT(opened.error().message, testing::Not(testing::HasSubstr("hunter2")));
  }
}

TEST(Keyring, RefusesEveryChangedCharacter) {
  const Keyring keys = fresh();
  const std::string sealed = *keys.seal("hunter2", "u1/value");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(keys.open(changed, "u1/value").ok()) << i;
    EXPECT_FALSE(keys.open(sealed.substr(0, i), "u1/value").ok()) << i;
  }
}

TEST(Keyring, NamesTheKeyThatIsMissing) {
  const Keyring keys = fresh(), others = fresh();
  const auto opened = others.open(*keys.seal("hunter2", "u1/value"), "u1/value");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kDenied);
  EXPECT_THAT(opened.error().message, testing::HasSubstr(keys.sealing_key().id()));
}

TEST(Keyring, SealsWithItsFirstKeyAndOpensWithAll) {
  const Key old_key = *Key::random(), new_key = *Key::random();
  const std::string sealed = *Keyring({old_key}).seal("hunter2", "u1/value");
  const Keyring both({new_key, old_key});
  EXPECT_EQ(*both.open(sealed, "u1/value"), SecretString("hunter2"));
  EXPECT_TRUE(Keyring({new_key}).open(*both.seal("x", "u1/value"), "u1/value").ok());
  EXPECT_FALSE(Keyring({old_key}).open(*both.seal("x", "u1/value"), "u1/value").ok());
}

}  // namespace
}  // namespace sluice::secrets
