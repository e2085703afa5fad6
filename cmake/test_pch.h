// The precompiled header of the unit tests of folders that see DuckDB.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pch.h"
