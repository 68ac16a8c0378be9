/* SPDX-License-Identifier: Apache-2.0 */
/* xmpp_features: the three lists, with and without their optional parts. */
#include "tests/support/unit.h"

#include "proto/xmpp/xmpp_features.h"

#define LIMITS(bytes)                                                                          \
    "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>" bytes "</max-bytes>"

static void leaves_out_what_is_not_there(void **state)
{
    (void)state;
    const struct xmpp_stream_config config = {.sign_in_max = 1, .stanza_max = 2};
    const struct xmpp_stream_offer nothing = {0};
    struct strbuf out = {0};
    xmpp_features_sign_in(&out, &config, &nothing);
    assert_string_equal(out.data,
                        "<stream:features>" LIMITS("1") "</limits></stream:features>");
    strbuf_clear(&out);
    xmpp_features_signed_in(&out, &config);
    assert_non_null(strstr(out.data, LIMITS("2") "</limits></stream:features>"));
    strbuf_done(&out);
}

static void never_offers_sign_in_before_tls(void **state)
{
    (void)state;
    const struct xmpp_stream_config config = {
        .sign_in_max = 1, .idle_seconds = 5, .caps_ver = SPAN("v"), .caps_node = SPAN("n")};
    struct strbuf out = {0};
    xmpp_features_plain(&out, &config);
    assert_string_equal(out.data,
                        "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>"
                        "<required/></starttls>" LIMITS("1") "<idle-seconds>5</idle-seconds>"
                                                             "</limits></stream:features>");
    strbuf_done(&out);
}

static void lists_mechanisms_and_bindings_in_order(void **state)
{
    (void)state;
    const char *const mechanisms[] = {"B", "A"};
    const char *const bindings[] = {"tls-exporter", "tls-server-end-point"};
    const struct xmpp_stream_config config = {.caps_ver = SPAN("v="), .caps_node = SPAN("n")};
    const struct xmpp_stream_offer offer = {mechanisms, 2, bindings, 2};
    struct strbuf out = {0};
    xmpp_features_sign_in(&out, &config, &offer);
    assert_string_equal(
        out.data,
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
        "<mechanism>B</mechanism><mechanism>A</mechanism></mechanisms>"
        "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding "
        "type='tls-exporter'/><channel-binding type='tls-server-end-point'/>"
        "</sasl-channel-binding>" LIMITS(
            "0") "</limits><c "
                 "xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v='/>"
                 "</stream:features>");
    strbuf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_out_what_is_not_there),
        cmocka_unit_test(never_offers_sign_in_before_tls),
        cmocka_unit_test(lists_mechanisms_and_bindings_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
