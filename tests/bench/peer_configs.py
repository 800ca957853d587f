"""The configuration files of the peers: what each needs to do the nearest to
what echproxy does, and otherwise what its package sets."""

SQUID = """http_port 127.0.0.1:{port} ssl-bump generate-host-certificates=on \
dynamic_cert_mem_cache_size=64MB tls-cert={minter} tls-key={minter_key}
sslcrtd_program /usr/lib/squid/security_file_certgen -s {directory}/certificates -M 64MB
sslcrtd_children 2 startup=1 idle=1
{bump}
tls_outgoing_options cafile={root}
hosts_file {hosts}
http_access allow all
cache deny all
access_log none
cache_log {directory}/cache.log
pid_filename none
pinger_enable off
coredump_dir {directory}
max_filedescriptors 20000
shutdown_lifetime 0 seconds
"""

# Bumped before the origin is known, requests of all clients share the pool of
# origin connections; bumped after a look at the hello, each client gets an
# origin connection of its own, as with echproxy.
SQUID_BUMP = {
    "squid-pool": "ssl_bump bump all",
    "squid-peek": "acl step1 at_step SslBump1\nssl_bump peek step1\nssl_bump bump all",
}

PRIVOXY = """confdir {directory}
logdir {directory}
logfile privoxy-messages
templdir /etc/privoxy/templates
listen-address 127.0.0.1:{port}
actionsfile inspect.action
ca-directory {directory}
ca-cert-file rsa-minter.crt
ca-key-file rsa-minter.key
certificate-directory {directory}/certificates
trusted-cas-file {root}
keep-alive-timeout 300
default-server-timeout 300
socket-timeout 300
max-client-connections 6000
listen-backlog -1
connection-sharing 0
debug 12288
"""
PRIVOXY_ACTION = "{+https-inspection}\n/\n"

TINYPROXY = """Port {port}
Listen 127.0.0.1
Timeout 600
MaxClients 6000
LogLevel Critical
LogFile "{directory}/tinyproxy-messages"
"""

HAPROXY = """global
  maxconn 9000
  nbthread 1
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
"""
HAPROXY_TLS = """listen {name}
  bind 127.0.0.1:{port} ssl crt {bundle}
  server origin 127.0.0.1:{origin} ssl verify required ca-file {root} sni ssl_fc_sni
"""
HAPROXY_BLIND = """listen {name}
  bind 127.0.0.1:{port}
  server origin 127.0.0.1:{origin}
"""

NGINX = """load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/nginx-errors error;
worker_rlimit_nofile 20000;
events {{ worker_connections 12000; }}
stream {{
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_certificate {chain};
  ssl_certificate_key {key};
  proxy_ssl on;
  proxy_ssl_server_name on;
  proxy_ssl_name $ssl_server_name;
  proxy_ssl_protocols TLSv1.2 TLSv1.3;
  proxy_ssl_verify on;
  proxy_ssl_verify_depth 3;
  proxy_ssl_trusted_certificate {root};
  proxy_timeout 1h;
{servers}}}
"""
NGINX_SERVER = (
    "  server {{ listen 127.0.0.1:{port} ssl; proxy_pass 127.0.0.1:{origin}; }}\n"
)
