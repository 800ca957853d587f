#include "proxy/running_list.h"

#include <dirent.h>
#include <ifaddrs.h>
#include <openssl/mem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/secret_file.h"
#include "roots/text.h"

// Base64url (RFC 4648, section 5) goes into a header line and a URL as it is.
static bool take_token(char out[kRunningListTokenSize], const uint8_t *data,
                       size_t len) {
  if (len > 0 && data[len - 1] == '\n') {
    len--;
  }
  if (len == 0 || len >= kRunningListTokenSize) {
    return false;
  }
  memcpy(out, data, len);
  out[len] = '\0';
  return strspn(out,
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                "0123456789-_") == len;
}

static bool read_one(struct running *out, const char *path,
                     struct key_error *out_error) {
  uint8_t *data = NULL;
  size_t len = 0;
  struct stat info;
  if (!secret_file_read(path, kRunningListTokenSize, true, &data, &len,
                        out_error)) {
    return false;
  }
  bool ok = take_token(out->token, data, len) && stat(path, &info) == 0;
  if (ok) {
    out->written_ns =
        info.st_mtim.tv_sec * INT64_C(1000000000) + info.st_mtim.tv_nsec;
  } else {
    key_error_set(out_error, "%s holds no token", path);
  }
  secret_file_free(data, len);
  return ok;
}

static int newer_first(const void *a, const void *b) {
  const struct running *first = a;
  const struct running *second = b;
  return (first->written_ns < second->written_ns) -
         (first->written_ns > second->written_ns);
}

size_t running_list_read(struct running out[kRunningListMax],
                         const char *state_dir, struct key_error *out_error) {
  char *path = text_format("%s/running", state_dir);
  DIR *dir = opendir(path);
  const struct dirent *entry;
  size_t num = 0;
  out_error->text[0] = '\0';
  while (dir != NULL && num < kRunningListMax &&
         (entry = readdir(dir)) != NULL) {
    struct running *running = &out[num];
    if (!address_from_host_port(&running->address, entry->d_name)) {
      continue;
    }
    char *file = text_format("%s/%s", path, entry->d_name);
    num += read_one(running, file, out_error);
    free(file);
  }
  if (dir != NULL) {
    closedir(dir);
  }
  free(path);
  qsort(out, num, sizeof(*out), newer_first);
  return num;
}

static bool is_any(const struct address *address) {
  static const uint8_t kAny[sizeof(address->ip)] = {0};
  return memcmp(address->ip, kAny, address->is_ipv6 ? 16 : 4) == 0;
}

// Whether an interface has the address, so that what is sent there stays here.
static bool is_of_this_machine(const struct address *address) {
  struct ifaddrs *all = NULL;
  bool found = false;
  if (getifaddrs(&all) != 0) {
    return false;
  }
  for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
    struct address its;
    if (one->ifa_addr != NULL && address_from_sockaddr(&its, one->ifa_addr)) {
      found = found || (its.is_ipv6 == address->is_ipv6 &&
                        memcmp(its.ip, address->ip, its.is_ipv6 ? 16 : 4) == 0);
    }
  }
  freeifaddrs(all);
  return found;
}

bool running_reach(struct address *out, const struct running *running) {
  *out = running->address;
  if (is_any(&running->address)) {
    return address_from_ip(out, out->is_ipv6 ? "::1" : "127.0.0.1",
                           running->address.port);
  }
  return address_is_loopback(out) || is_of_this_machine(out);
}

void running_list_wipe(struct running list[kRunningListMax]) {
  OPENSSL_cleanse(list, kRunningListMax * sizeof(*list));
}
