// Records as people have them, and whatever else `echproxy inspect` is given.

#include "fuzz/fuzz.h"
#include "proxy/inspect_input.h"
#include "proxy/inspect_report.h"
#include "proxy/zone_text.h"

static void check_record(const char *text, size_t len) {
  struct zone_text_fault fault;
  uint8_t *list = NULL;
  size_t list_len;
  if (zone_text_parse(&list, &list_len, text, len, &fault)) {
    free(list);
  } else {
    fuzz_require(fault.expected != NULL && fault.offset <= len);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct inspect_input input;
  struct inspect_report report;
  struct key_error error = {""};
  check_record((const char *)data, size);
  if (inspect_input_read(&input, data, size, &error)) {
    if (inspect_report_init(&report, &input, &error)) {
      inspect_report_good(&report);
    }
    inspect_report_cleanup(&report);
  }
  inspect_input_cleanup(&input);
  return 0;
}
