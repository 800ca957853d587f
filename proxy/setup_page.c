#include "proxy/setup_page.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/html.h"

enum block_kind { HEADING, PROSE, STEP, LINES, FILES };

// Texts are as html_prose has them. {address}, {host}, {port} and {ca} stand
// for what the reader has.
struct block {
  enum block_kind kind;
  const char *text;
};

static const struct block kBlocks[] = {
    {HEADING, "First: let browsers trust its certificates"},
    {PROSE,
     "For a site that supports Encrypted ClientHello, echproxy ends the "
     "browser's TLS itself, with a certificate of a CA that was made on this "
     "machine and is of use on this machine only. One command has every "
     "Chromium and Firefox of yours trust it; then start them anew:"},
    {LINES, "echproxy trust"},
    {PROSE,
     "For another program, or another machine, these are the CA's certificate "
     "and a file for automatic proxy configuration:"},
    {FILES, NULL},
    {HEADING, "Chromium, Chrome, Edge, Brave"},
    {PROSE,
     "They go by the system's proxy settings (see below). For one start, "
     "whatever those say:"},
    {LINES, "chromium --proxy-server=http://{address}"},
    {PROSE,
     "For every user and start, write this, as root, to "
     "`/etc/chromium/policies/managed/echproxy.json` (Chrome: "
     "`/etc/opt/chrome/policies/managed/`), and look at `chrome://policy`:"},
    {LINES,
     "{\"ProxySettings\": {\"ProxyMode\": \"fixed_servers\",\n"
     "                   \"ProxyServer\": \"http://{address}\"}}"},
    {HEADING, "Firefox"},
    {STEP, "Open Settings, and under General, Network Settings, Settings."},
    {STEP,
     "Choose Manual proxy configuration. HTTP Proxy: `{host}`, Port: "
     "`{port}`. Tick Also use this proxy for HTTPS."},
    {STEP,
     "Or choose Automatic proxy configuration URL instead, and enter "
     "`http://{address}/proxy.pac`."},
    {STEP,
     "If `echproxy trust` cannot reach this Firefox, open "
     "`http://{address}/ca.der` in it, tick Trust this CA to identify "
     "websites, "
     "and compare the fingerprint."},
    {HEADING, "The whole desktop: GNOME"},
    {LINES,
     "gsettings set org.gnome.system.proxy.http host '{host}'\n"
     "gsettings set org.gnome.system.proxy.http port {port}\n"
     "gsettings set org.gnome.system.proxy.https host '{host}'\n"
     "gsettings set org.gnome.system.proxy.https port {port}\n"
     "gsettings set org.gnome.system.proxy mode 'manual'"},
    {HEADING, "The whole desktop: KDE"},
    {PROSE,
     "System Settings, Proxy, Use manually specified proxy configuration: HTTP "
     "proxy `{host}`, port `{port}`, and the same for SSL. Or by "
     "command, which before Plasma 6 is `kwriteconfig5`:"},
    {LINES,
     "kwriteconfig6 --file kioslaverc --group 'Proxy Settings' --key httpProxy "
     "'http://{host} {port}'\n"
     "kwriteconfig6 --file kioslaverc --group 'Proxy Settings' --key "
     "httpsProxy "
     "'http://{host} {port}'\n"
     "kwriteconfig6 --file kioslaverc --group 'Proxy Settings' --key ProxyType "
     "1"},
    {HEADING, "curl, git, npm"},
    {PROSE,
     "They need a file with the CA and all that they trusted before, and the "
     "proxy's address. The first line is for Debian, Ubuntu and Arch; "
     "elsewhere "
     "the system's bundle has another name."},
    {LINES,
     "cat /etc/ssl/certs/ca-certificates.crt \"$(echproxy ca)\" > "
     "~/echproxy-roots.pem\n"
     "export http_proxy=http://{address} https_proxy=http://{address}\n"
     "export CURL_CA_BUNDLE=~/echproxy-roots.pem\n"
     "git config --global http.proxy http://{address}\n"
     "git config --global http.sslCAInfo ~/echproxy-roots.pem\n"
     "npm config set proxy http://{address}\n"
     "npm config set https-proxy http://{address}\n"
     "npm config set cafile ~/echproxy-roots.pem"},
    {PROSE,
     "Other programs often go by `https_proxy` and `SSL_CERT_FILE`, Node.js by "
     "`NODE_EXTRA_CA_CERTS`, Python's requests by `REQUESTS_CA_BUNDLE`."},
    {HEADING, "Phones and other devices"},
    {PROSE,
     "They reach echproxy only where it listens on an address of your network, "
     "for which it asks for a name and a password (`--listen`, `--users "
     "FILE`): "
     "then open this page by that address, install `ca.der`, and enter host "
     "and "
     "port as the proxy of the Wi-Fi network."},
    {HEADING, "See that it works"},
    {STEP,
     "`echproxy status --open` opens the page that says whether this browser "
     "is protected, and shows each connection with what an observer saw of "
     "it."},
    {STEP,
     "Open `https://crypto.cloudflare.com/cdn-cgi/trace` and look for "
     "`sni=encrypted`."},
    {STEP,
     "`echproxy check crypto.cloudflare.com` says the same of any site, "
     "without "
     "a browser."},
    {HEADING, "Undo it"},
    {STEP, "Take the proxy out of the settings where you have entered it."},
    {LINES,
     "gsettings set org.gnome.system.proxy mode 'none'\n"
     "kwriteconfig6 --file kioslaverc --group 'Proxy Settings' --key ProxyType "
     "0\n"
     "git config --global --unset http.proxy\n"
     "git config --global --unset http.sslCAInfo\n"
     "npm config delete proxy\n"
     "npm config delete https-proxy\n"
     "npm config delete cafile"},
    {STEP,
     "`echproxy untrust --delete` takes the CA out of the browsers again and "
     "deletes it."},
};

// The parts of "HOST:PORT"; an IPv6 address without its brackets.
struct address_parts {
  char host[256];
  const char *port;
};

static void split_address(struct address_parts *out, const char *address) {
  const char *colon = strrchr(address, ':');
  const char *start = address;
  const char *end = colon != NULL ? colon : address + strlen(address);
  out->port = colon != NULL ? colon + 1 : "";
  if (*start == '[' && end > start + 1 && end[-1] == ']') {
    start++;
    end--;
  }
  size_t len = (size_t)(end - start);
  len = len < sizeof(out->host) ? len : sizeof(out->host) - 1;
  memcpy(out->host, start, len);
  out->host[len] = '\0';
}

// Returns `text` with what stands for something filled in, released with free.
static char *fill_in(const char *text, const struct setup_page *page) {
  struct address_parts parts;
  struct bytes out = {0};
  split_address(&parts, page->address);
  const struct {
    const char *name;
    const char *value;
  } values[] = {{"{address}", page->address},
                {"{host}", parts.host},
                {"{port}", parts.port}};
  while (*text != '\0') {
    size_t used = 0;
    for (size_t i = 0; used == 0 && i < sizeof(values) / sizeof(values[0]);
         i++) {
      size_t len = strlen(values[i].name);
      if (strncmp(text, values[i].name, len) == 0) {
        html_raw(&out, values[i].value);
        used = len;
      }
    }
    if (used == 0) {
      bytes_append(&out, text, 1);
      used = 1;
    }
    text += used;
  }
  bytes_append(&out, "", 1);
  return (char *)out.data;
}

static void write_prose(struct bytes *out, const char *tag, const char *text) {
  html_raw(out, "<");
  html_raw(out, tag);
  html_raw(out, ">");
  html_prose(out, text);
  html_raw(out, "</");
  html_raw(out, tag);
  html_raw(out, ">\n");
}

static void write_files(struct bytes *out, const struct setup_page *page) {
  html_raw(out,
           "<ul>\n<li><a href=\"/ca.pem\">ca.pem</a> (PEM)</li>\n"
           "<li><a href=\"/ca.der\">ca.der</a> (DER)</li>\n"
           "<li><a href=\"/proxy.pac\">proxy.pac</a></li>\n</ul>\n<p>");
  html_prose(out,
             "`echproxy ca --fingerprint` prints the certificate's SHA-256 "
             "fingerprint, which is what a browser shows of the right one:");
  html_raw(out, "</p>\n<p><code>");
  html_text(out, page->fingerprint);
  html_raw(out, "</code></p>\n");
  if (page->ca_path != NULL) {
    html_raw(out, "<p>It is in the file <code>");
    html_text(out, page->ca_path);
    html_raw(out, "</code>.</p>\n");
  }
}

static void write_block(struct bytes *out, const struct block *block,
                        const struct setup_page *page) {
  char *text = block->text != NULL ? fill_in(block->text, page) : NULL;
  switch (block->kind) {
    case HEADING:
      html_element(out, "h2", text);
      break;
    case PROSE:
      write_prose(out, "p", text);
      break;
    case STEP:
      write_prose(out, "li", text);
      break;
    case LINES:
      html_element(out, "pre", text);
      break;
    case FILES:
      write_files(out, page);
      break;
  }
  free(text);
}

static void write_blocks(struct bytes *out, const struct setup_page *page) {
  bool in_list = false;
  for (size_t i = 0; i < sizeof(kBlocks) / sizeof(kBlocks[0]); i++) {
    bool is_step = kBlocks[i].kind == STEP;
    if (is_step != in_list) {
      html_raw(out, is_step ? "<ul>\n" : "</ul>\n");
      in_list = is_step;
    }
    write_block(out, &kBlocks[i], page);
  }
  html_raw(out, in_list ? "</ul>\n" : "");
}

void setup_page_write(struct bytes *out, const struct setup_page *page,
                      const char *nonce) {
  html_begin(out, "Set up echproxy", nonce);
  html_element(out, "h1", "Set up echproxy");
  html_element(
      out, "p",
      "A proxy that hides the names of the sites you visit from the network, "
      "with Encrypted ClientHello, wherever a site supports it.");
  html_element(out, "p",
               page->mode == MODE_STRICT
                   ? "It runs in strict mode: other sites are refused."
                   : "All other sites are passed through untouched.");
  html_raw(out,
           "<p>Its address, as an HTTP proxy for HTTP and HTTPS, or as a "
           "SOCKS v5 proxy that resolves names:</p>\n<p class=\"host\">");
  html_text(out, page->address);
  html_raw(out, "</p>\n");
  write_blocks(out, page);
  html_end(out);
}
