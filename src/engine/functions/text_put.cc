#include "engine/functions/text_put.h"

namespace sluice::engine::functions {

DayTexts::DayTexts() {
  for (size_t day = 0; day < kDays; ++day) put_computed_day(texts_[day], static_cast<int64_t>(day));
}

const DayTexts kDayTexts;

}  // namespace sluice::engine::functions
