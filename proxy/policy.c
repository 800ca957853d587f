#include "proxy/policy.h"

static struct policy_decision refuse(enum front_refusal refusal,
                                     const char *why) {
  return (struct policy_decision){POLICY_REFUSE, refusal, why};
}

static struct policy_decision pass_unless_strict(enum proxy_mode mode,
                                                 const char *why_not) {
  return mode == MODE_STRICT ? refuse(FRONT_FORBIDDEN, why_not)
                             : (struct policy_decision){.action = POLICY_PASS};
}

static struct policy_decision pass_as_asked(void) {
  return (struct policy_decision){
      .action = POLICY_PASS,
      .why = "a site rule has its name sent in the clear"};
}

// The user wants the name in the clear, so a failed HTTPS query is no reason to
// refuse, when a rule says where the site is.
static bool may_pass(const struct lookup_answer *answer) {
  switch (answer->status) {
    case LOOKUP_FAILED:
      return answer->num_addresses > 0;
    case LOOKUP_NXDOMAIN:
    case LOOKUP_FORBIDDEN:
      return false;
    case LOOKUP_ECH:
    case LOOKUP_NO_ECH:
    case LOOKUP_NO_RECORD:
    case LOOKUP_LOCAL:
      break;
  }
  return true;
}

// passes_address says whether the user wants what goes to this very address
// passed on unseen. To pass all sites on says nothing of those that have a rule
// of their own.
static bool passes_address(const struct site_rule *rule) {
  return site_rule_mode(rule, MODE_PREFER) == MODE_PASS &&
         rule->from[SITE_MODE]->pattern.kind == SITE_EXACT;
}

bool policy_reads_hello_first(const char *host, uint16_t port,
                              const struct site_rule *rule) {
  enum { kHttpsPort = 443 };
  struct address address;
  return port == kHttpsPort && !passes_address(rule) &&
         address_from_ip(&address, host, 0);
}

struct policy_decision policy_for_lookup(enum proxy_mode mode,
                                         const struct lookup_answer *answer) {
  if (mode == MODE_PASS && may_pass(answer)) {
    return pass_as_asked();
  }
  switch (answer->status) {
    case LOOKUP_ECH:
      return (struct policy_decision){.action = POLICY_INTERCEPT};
    case LOOKUP_NO_ECH:
      return pass_unless_strict(mode,
                                "The site publishes no ECH configuration that "
                                "can be used, and strict mode reaches sites "
                                "with ECH only.");
    case LOOKUP_NO_RECORD:
      return pass_unless_strict(mode,
                                "The site publishes no ECH configuration, and "
                                "strict mode reaches sites with ECH only.");
    case LOOKUP_LOCAL:
      return pass_unless_strict(mode,
                                "There is no ECH for addresses and local "
                                "names, and strict mode reaches sites with ECH "
                                "only.");
    case LOOKUP_NXDOMAIN:
      return refuse(FRONT_NO_SUCH_HOST, "The name does not exist in DNS.");
    case LOOKUP_FORBIDDEN:
      return refuse(FRONT_FORBIDDEN, answer->detail);
    case LOOKUP_FAILED:
      break;
  }
  // Without a secure answer nobody knows whether the name has to be hidden
  // (RFC 9460, section 3.1).
  return refuse(FRONT_BAD_GATEWAY, answer->detail);
}

struct policy_decision policy_for_named(enum proxy_mode mode,
                                        const struct lookup_answer *answer) {
  if (mode == MODE_PASS) {  // to where the tunnel was asked for
    return pass_as_asked();
  }
  // No such name in public DNS, so no ECH that would hide it.
  if (answer->status == LOOKUP_NXDOMAIN) {
    return pass_unless_strict(mode,
                              "The ClientHello is for a name that does not "
                              "exist, and strict mode reaches sites with ECH "
                              "only.");
  }
  return policy_for_lookup(mode, answer);
}

enum policy_action policy_for_other_bytes(enum proxy_mode mode) {
  return mode == MODE_STRICT ? POLICY_REFUSE : POLICY_PASS;
}

enum policy_action policy_for_origin(enum proxy_mode mode,
                                     enum origin_status status) {
  return mode == MODE_PREFER && status == ORIGIN_ECH_DISABLED ? POLICY_PASS
                                                              : POLICY_REFUSE;
}
