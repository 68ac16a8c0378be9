/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/xmpp/xmpp_features.h"

#include "proto/xml/xml_writer.h"
#include "proto/xmpp/xmpp_ns.h"

static const char after_sign_in[] = "<bind xmlns='" XMPP_NS_BIND "'/>"
                                    "<session xmlns='" XMPP_NS_SESSION "'><optional/></session>"
                                    "<sm xmlns='" XMPP_NS_SM "'/>"
                                    "<csi xmlns='" XMPP_NS_CSI "'/>"
                                    "<ver xmlns='" XMPP_NS_ROSTERVER "'/>"
                                    "<sub xmlns='" XMPP_NS_PREAPPROVAL "'/>";

static void features_open(struct strbuf *out)
{
    strbuf_add_text(out, "<stream:features>");
}

static void add_limits(struct strbuf *out, const struct xmpp_stream_config *config,
                       size_t bytes_max)
{
    strbuf_add_text(out, "<limits xmlns='" XMPP_NS_LIMITS "'><max-bytes>");
    strbuf_add_number(out, bytes_max);
    strbuf_add_text(out, "</max-bytes>");
    if (config->idle_seconds)
        strbuf_printf(out, "<idle-seconds>%u</idle-seconds>", config->idle_seconds);
    strbuf_add_text(out, "</limits>");
}

static void add_caps(struct strbuf *out, const struct xmpp_stream_config *config)
{
    if (config->caps_ver.size == 0)
        return;
    strbuf_add_text(out, "<c xmlns='" XMPP_NS_CAPS "' hash='sha-1'");
    xml_writer_attr(out, "node", config->caps_node);
    xml_writer_attr(out, "ver", config->caps_ver);
    strbuf_add_text(out, "/>");
}

static void features_close(struct strbuf *out)
{
    strbuf_add_text(out, "</stream:features>");
}

void xmpp_features_plain(struct strbuf *out, const struct xmpp_stream_config *config)
{
    features_open(out);
    strbuf_add_text(out, "<starttls xmlns='" XMPP_NS_TLS "'><required/></starttls>");
    add_limits(out, config, config->sign_in_max);
    features_close(out);
}

static void add_mechanisms(struct strbuf *out, const struct xmpp_stream_offer *offer)
{
    if (offer->mechanism_count == 0)
        return;
    strbuf_add_text(out, "<mechanisms xmlns='" XMPP_NS_SASL "'>");
    for (size_t i = 0; i < offer->mechanism_count; i++)
        strbuf_printf(out, "<mechanism>%s</mechanism>", offer->mechanisms[i]);
    strbuf_add_text(out, "</mechanisms>");
}

static void add_bindings(struct strbuf *out, const struct xmpp_stream_offer *offer)
{
    if (offer->binding_count == 0)
        return;
    strbuf_add_text(out, "<sasl-channel-binding xmlns='" XMPP_NS_SASL_CB "'>");
    for (size_t i = 0; i < offer->binding_count; i++)
        strbuf_printf(out, "<channel-binding type='%s'/>", offer->bindings[i]);
    strbuf_add_text(out, "</sasl-channel-binding>");
}

void xmpp_features_sign_in(struct strbuf *out, const struct xmpp_stream_config *config,
                           const struct xmpp_stream_offer *offer)
{
    features_open(out);
    add_mechanisms(out, offer);
    add_bindings(out, offer);
    add_limits(out, config, config->sign_in_max);
    add_caps(out, config);
    features_close(out);
}

void xmpp_features_signed_in(struct strbuf *out, const struct xmpp_stream_config *config)
{
    features_open(out);
    strbuf_add_text(out, after_sign_in);
    add_limits(out, config, config->stanza_max);
    add_caps(out, config);
    features_close(out);
}
