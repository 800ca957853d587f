// replay runs a fuzz target on the files of directories, so that what was found
// once is looked at in every run of the tests, with any compiler.

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"

enum { kMaxInput = 1 << 20 };

static bool replay_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    return false;
  }
  // As long as the file and no longer, so that a sanitizer sees a read beyond.
  fseek(file, 0, SEEK_END);
  long len = ftell(file);
  rewind(file);
  bool ok = len >= 0 && len <= kMaxInput;
  uint8_t *data = malloc(ok && len > 0 ? (size_t)len : 1);
  ok = ok && data != NULL && fread(data, 1, (size_t)len, file) == (size_t)len;
  fclose(file);
  if (ok) {
    LLVMFuzzerTestOneInput(data, (size_t)len);
  }
  free(data);
  return ok;
}

// replay_dir returns how many files it has run, or -1.
static int replay_dir(const char *path) {
  DIR *dir = opendir(path);
  int num = 0;
  if (dir == NULL) {
    perror(path);
    return -1;
  }
  for (struct dirent *entry; num >= 0 && (entry = readdir(dir)) != NULL;) {
    char name[4096];
    if (entry->d_name[0] == '.') {
      continue;
    }
    snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
    num = replay_file(name) ? num + 1 : -1;
  }
  closedir(dir);
  return num;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    int num = replay_dir(argv[i]);
    if (num <= 0) {
      fprintf(stderr, "%s: nothing to replay\n", argv[i]);
      return EXIT_FAILURE;
    }
    printf("%d inputs of %s\n", num, argv[i]);
  }
  return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
