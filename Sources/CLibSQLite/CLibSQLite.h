// SQLite. Journal alone depends on it.
#pragma once

#include <sqlite3.h>
