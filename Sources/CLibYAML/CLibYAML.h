// libyaml. Settings alone depends on it.
#pragma once

#include <yaml.h>
