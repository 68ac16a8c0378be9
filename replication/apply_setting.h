/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: replicated name and value. What names mean is checked before they are proposed
 * (base/settings.h); a log that holds a name of a newer version still applies. */
#pragma once

#include "presenced/store/v1/store.pb-c.h"

struct apply;

void apply_setting_set(struct apply *a, const Store__SettingSet *c);
