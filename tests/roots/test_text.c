#include "roots/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "support/peer.h"

Test(text, leaves_plain_words_alone) {
  char *word = text_shell_word("/home/a/.pki/nss-db_1");
  cr_assert_str_eq(word, "/home/a/.pki/nss-db_1");
  free(word);
}

Test(text, quotes_words_so_that_a_shell_reads_them_back) {
  static const char *const kWords[] = {
      "", "a b", "it's", "$HOME", "`id`", "*", "a\"b\\", ";ls", "a\nb", "~",
  };
  for (size_t i = 0; i < sizeof(kWords) / sizeof(kWords[0]); i++) {
    char *word = text_shell_word(kWords[i]);
    char *command = text_format("printf %%s %s", word);
    struct program program;
    program_run(&program, (const char *const[]){"sh", "-c", command, NULL},
                NULL, 10000);
    cr_assert_str_eq(program.out, kWords[i]);
    program_cleanup(&program);
    free(command);
    free(word);
  }
}
