// rule_post takes a request to change the rule of one site, a POST to
// /api/rules, and answers when that is in force (rule_request.h).

#ifndef ECHPROXY_PROXY_RULE_POST_H
#define ECHPROXY_PROXY_RULE_POST_H

#include "net/stream.h"
#include "proxy/local_answer.h"
#include "proxy/proxy.h"

enum { kRulePostMax = 1024 };  // octets of the body

// rule_post_open reads the body of `request`, JSON of at most kRulePostMax
// octets that must come within 10 seconds, and answers. It takes `browser`.
void rule_post_open(struct proxy *proxy, struct stream *browser,
                    const struct local_request *request);

#endif
