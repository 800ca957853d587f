#include "proxy/rule_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define HOST "www.bank.example"
#define RULE "[site \"" HOST "\"]\n"

// A file before, and after a mode was set in it.
static const struct {
  const char *before;
  const char *mode;
  const char *after;
  int line;
} kRows[] = {
    // A new section.
    {"", "pass", RULE "mode = pass\n", 2},
    {"[proxy]\nmode = strict\n", "pass",
     "[proxy]\nmode = strict\n\n" RULE "mode = pass\n", 5},
    {"[proxy]", "strict", "[proxy]\n\n" RULE "mode = strict\n", 4},
    {"# mine\r\n[proxy]\r\n", "pass",
     "# mine\r\n[proxy]\r\n\r\n[site \"" HOST "\"]\r\nmode = pass\r\n", 5},
    // Not for this host: others, wildcards, what only looks like it.
    {"[site \"*." HOST "\"]\nmode = pass\n", "strict",
     "[site \"*." HOST "\"]\nmode = pass\n\n" RULE "mode = strict\n", 5},
    {"# " RULE "# mode = pass\n", "strict",
     "# " RULE "# mode = pass\n\n" RULE "mode = strict\n", 5},
    {"[site]\n[\n[site \"\n[site \"]\n", "pass",
     "[site]\n[\n[site \"\n[site \"]\n\n" RULE "mode = pass\n", 7},
    // A section without a mode.
    {RULE "address = 192.0.2.1\n\n[proxy]\n", "pass",
     RULE "mode = pass\naddress = 192.0.2.1\n\n[proxy]\n", 2},
    {"[site \"" HOST "\"]", "pass", RULE "mode = pass\n", 2},
    {"  [site\t\"WWW.Bank.Example.\"]  ; mine\r\naddress = ::1\r\n", "pass",
     "  [site\t\"WWW.Bank.Example.\"]  ; mine\r\nmode = pass\r\n"
     "address = ::1\r\n",
     2},
    // A mode that was there.
    {RULE "mode = pass\n", "strict", RULE "mode = strict\n", 2},
    {"\n" RULE "# why\n  mode:pass  ; because\naddress = ::1\n[proxy]\n",
     "strict",
     "\n" RULE "# why\n  mode:strict  ; because\naddress = ::1\n[proxy]\n", 4},
    {RULE "mode=\n", "pass", RULE "mode=pass\n", 2},
    {RULE "mode = pass", "strict", RULE "mode = strict", 2},
    {"\xef\xbb\xbf" RULE "mode = pass\n", "strict",
     "\xef\xbb\xbf" RULE "mode = strict\n", 2},
    {RULE "models = 1\n# mode = x\n", "pass",
     RULE "mode = pass\nmodels = 1\n# mode = x\n", 2},
    // The same again.
    {RULE "mode = pass\n", "pass", RULE "mode = pass\n", 2},
    // Taken out.
    {"", NULL, "", 0},
    {"[proxy]\nmode = strict\n", NULL, "[proxy]\nmode = strict\n", 0},
    {RULE "mode = pass\n", NULL, "", 0},
    {"[proxy]\n\n" RULE "mode = pass\n", NULL, "[proxy]\n", 0},
    {"[proxy]\r\n\r\n[site \"" HOST "\"]\r\nmode = pass\r\n", NULL,
     "[proxy]\r\n", 0},
    {"[proxy]\n" RULE "mode = pass\n\n[resolver]\n", NULL,
     "[proxy]\n[resolver]\n", 0},
    {RULE "address = ::1\nmode = pass\n", NULL, RULE "address = ::1\n", 0},
    {RULE "# mine\nmode = pass\n", NULL, RULE "# mine\n", 0},
    {RULE "address = ::1\n", NULL, RULE "address = ::1\n", 0},
    {"\xef\xbb\xbf" RULE "mode = pass\n[proxy]\n", NULL,
     "\xef\xbb\xbf[proxy]\n", 0},
    {"\n" RULE "mode = pass\n", NULL, "\n", 0},
};

static int set(struct bytes *out, const char *text, const char *mode) {
  *out = (struct bytes){0};
  int line = rule_text_set(out, text, strlen(text), HOST, mode);
  bytes_append(out, "", 1);
  return line;
}

Test(rule_text, changes_what_it_is_asked_to_and_nothing_else) {
  for (size_t i = 0; i < sizeof(kRows) / sizeof(kRows[0]); i++) {
    struct bytes out;
    int line = set(&out, kRows[i].before, kRows[i].mode);
    cr_expect_str_eq((const char *)out.data, kRows[i].after, "row %zu: %s", i,
                     (const char *)out.data);
    cr_expect_eq(line, kRows[i].line, "row %zu: line %d", i, line);
    free(out.data);
  }
}

// A rule that is taken out again leaves the file as it was.
Test(rule_text, undoes_what_it_did) {
  static const char *const kFiles[] = {
      "",
      "[proxy]\nmode = strict\n",
      "# a\r\n\r\n[proxy]\r\n",
      "[site \"*\"]\nmode = strict\n\n\n",
      RULE "address = ::1\n\n[proxy]\n",
  };
  for (size_t i = 0; i < sizeof(kFiles) / sizeof(kFiles[0]); i++) {
    struct bytes with, without;
    set(&with, kFiles[i], "pass");
    set(&without, (const char *)with.data, NULL);
    cr_expect_str_eq((const char *)without.data, kFiles[i]);
    free(with.data);
    free(without.data);
  }
}

// Any octets at all: an editor that crashed may have left them.
Test(rule_text, is_at_ease_with_garbage) {
  static const char kOctets[] = "[site \"" HOST "\"]\nmode = pass\r\n\0[\"";
  srandom(1);
  for (int i = 0; i < 20000; i++) {
    char text[64];
    size_t len = (size_t)random() % sizeof(text);
    for (size_t k = 0; k < len; k++) {
      text[k] = kOctets[(size_t)random() % sizeof(kOctets)];
    }
    // On the heap, where an octet too far is seen.
    char *exact = malloc(len + 1);
    memcpy(exact, text, len);
    char *trimmed = realloc(exact, len == 0 ? 1 : len);
    struct bytes out = {0};
    rule_text_set(&out, trimmed, len, HOST, i % 2 == 0 ? "pass" : NULL);
    free(out.data);
    free(trimmed);
  }
}
