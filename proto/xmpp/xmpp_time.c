/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/xmpp_time.h"

#include <stdio.h>

#include "base/cursor.h"
#include "base/err.h"

#define US_PER_SECOND UINT64_C(1000000)
#define DAY_SECONDS   86400

/* Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March here, so
 * that the leap day is the last of them. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    const int64_t era = year / 400; /* year >= 0 */
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil_date {
    unsigned year, month, day;
};

static struct civil_date date_of(uint64_t days)
{
    days += 719468;
    const uint64_t era = days / 146097;
    const uint64_t day_of_era = days - era * 146097;
    const uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const uint64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const uint64_t month = (5 * day_of_year + 2) / 153; /* 0: March */
    const uint64_t year = year_of_era + era * 400 + (month >= 10);
    return (struct civil_date){.year = (unsigned)(year % 10000),
                               .month = (unsigned)(month < 10 ? month + 3 : month - 9),
                               .day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1)};
}

void xmpp_time_format(uint64_t us, char ret_text[XMPP_TIME_SIZE])
{
    const uint64_t seconds = us / US_PER_SECOND;
    const unsigned fraction = (unsigned)(us % US_PER_SECOND);
    const unsigned of_day = (unsigned)(seconds % DAY_SECONDS);
    const struct civil_date d = date_of(seconds / DAY_SECONDS);
    char digits[8] = "";
    if (fraction)
        (void)snprintf(digits, sizeof(digits), ".%06u", fraction % 1000000U);
    (void)snprintf(ret_text, XMPP_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u%sZ",
                   d.year % 10000U, d.month % 100U, d.day % 100U, of_day / 3600U % 100U,
                   of_day / 60U % 60U, of_day % 60U, digits);
}

static int64_t take_digits(struct cursor *c, size_t count)
{
    int64_t number = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = cursor_u8(c);
        if (byte < '0' || byte > '9') {
            c->is_short = true; /* stands for: not as it should be */
            return 0;
        }
        number = number * 10 + (byte - '0');
    }
    return number;
}

static void take_byte(struct cursor *c, char wanted)
{
    if (cursor_u8(c) != (uint8_t)wanted)
        c->is_short = true;
}

static bool next_is(const struct cursor *c, char wanted)
{
    return cursor_left(c) > 0 && *c->pos == (uint8_t)wanted;
}

static int64_t take_fraction(struct cursor *c)
{
    int64_t us = 0;
    int64_t unit = 100000;
    take_byte(c, '.');
    us += take_digits(c, 1) * unit;
    while (!c->is_short && cursor_left(c) > 0 && *c->pos >= '0' && *c->pos <= '9') {
        unit /= 10;
        us += take_digits(c, 1) * unit;
    }
    return us;
}

/* Seconds to take away to come to UTC. */
static int64_t take_zone(struct cursor *c)
{
    if (next_is(c, 'Z')) {
        take_byte(c, 'Z');
        return 0;
    }
    const int64_t sign = next_is(c, '-') ? -1 : 1;
    take_byte(c, sign < 0 ? '-' : '+');
    const int64_t hours = take_digits(c, 2);
    take_byte(c, ':');
    const int64_t minutes = take_digits(c, 2);
    if (hours > 14 || minutes > 59)
        c->is_short = true;
    return sign * (hours * 3600 + minutes * 60);
}

static int64_t days_in(int64_t year, int64_t month)
{
    return days_of(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) -
           days_of(year, month, 1);
}

int xmpp_time_parse(struct span text, uint64_t *ret_us)
{
    struct cursor c = cursor_of(text.ptr, text.size);
    const int64_t year = take_digits(&c, 4);
    take_byte(&c, '-');
    const int64_t month = take_digits(&c, 2);
    take_byte(&c, '-');
    const int64_t day = take_digits(&c, 2);
    take_byte(&c, 'T');
    const int64_t hour = take_digits(&c, 2);
    take_byte(&c, ':');
    const int64_t minute = take_digits(&c, 2);
    take_byte(&c, ':');
    const int64_t second = take_digits(&c, 2);
    const int64_t fraction = next_is(&c, '.') ? take_fraction(&c) : 0;
    const int64_t zone = take_zone(&c);
    if (c.is_short || cursor_left(&c) > 0 || month < 1 || month > 12 || day < 1 ||
        day > days_in(year, month) || hour > 23 || minute > 59 || second > 60)
        return ERR_INVALID;

    const int64_t seconds =
        days_of(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second - zone;
    *ret_us = seconds < 0 ? 0 : (uint64_t)seconds * US_PER_SECOND + (uint64_t)fraction;
    return 0;
}
