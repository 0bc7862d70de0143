/* A protocol as nDPI 4.2 tells of it. */
#pragma once

#include "meter/l7.h"

static const struct l7_protocol example_protocol = {
    .id = 124, .category = 1, .name = "YouTube", .category_name = "Media", .breed = "Fun"};
