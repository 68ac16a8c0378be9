/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test starts from: cmocka behind the headers it insists on. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* those four first */
#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
