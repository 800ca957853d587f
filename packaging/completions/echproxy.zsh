#compdef echproxy
# Completion of echproxy's command line for zsh.

local -a commands help file_and_ca names options
commands=(
  'run:run the proxy'
  'check:say whether a site can be reached privately'
  'config:write or show the configuration'
  'keygen:make an ECH key for a server'
  'inspect:say what an ECH key or record holds'
  'publish:print the record for an ECH key'
  "rotate:replace a server's ECH key, step by step"
  "ca:print where the CA's certificate is"
  'trust:make browsers trust the local CA'
  'untrust:take it out of them again'
)
help=('(-h --help)'{-h,--help}'[print a summary]')
file_and_ca=(
  '(-c --config)'{-c,--config}'[configuration file]:file:_files'
  '--state-dir[where the CA is kept]:directory:_files -/'
)
names=(
  '--mode[what to do with sites without ECH]:mode:(prefer strict)'
  '*--resolver[where names are looked up]:URL: '
  '*--bootstrap[IP address of the resolvers]:IP address: '
  "*--local-domain[names for the system's resolver]:domain: "
  '--resolver-ca[certificates to trust for resolvers]:file:_files'
  '--upstream-ca[certificates to trust for sites]:file:_files'
  '--upstream-proxy[proxy to connect through]:URL: '
)

# The command is the second word; without one it is run.
local command=run
(( CURRENT == 2 )) && help+=('--version[print the version]')
if (( CURRENT > 2 )) && (( ${commands[(I)$words[2]:*]} )); then
  command=$words[2]
  shift words
  (( CURRENT-- ))
elif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
  _describe command commands
  return
fi

case $command in
  run)
    options=($names $file_and_ca
      '--listen[address and port to listen on]:address and port: '
      '--users[names and passwords to let in]:file:_files'
      '--workers[threads that share the work]:number: '
      '(-v --verbose)'{-v,--verbose}'[name the hosts in the log]'
      '(-q --quiet)'{-q,--quiet}'[log errors only]'
      '--log-format[form of the log]:format:(text json)'
    )
    ;;
  check)
    options=($names $file_and_ca '--json[print one JSON object]'
      ':host:_hosts')
    ;;
  config)
    options=(
      '(-c --config)'{-c,--config}'[configuration file]:file:_files'
      '(--show)--init[write a file to begin with]'
      '(--show)--force[replace the file]'
      '(--init --force)--show[print what is in force]'
    )
    ;;
  trust)
    options=($file_and_ca
      '(--dry-run)--list[say where the CA is trusted]'
      '(--list)--dry-run[only say what would be done]'
    )
    ;;
  untrust)
    options=($file_and_ca
      '--delete[delete the CA as well]'
      '--all[CAs of other state directories too]'
      '--dry-run[only say what would be done]'
    )
    ;;
  ca)
    options=($file_and_ca
      '(--fingerprint)--pem[print the certificate]'
      '(--pem)--fingerprint[print its SHA-256]'
      '--rotate[make a new CA]'
    )
    ;;
  keygen)
    options=(
      '--out[where the key goes]:file:_files'
      '--format[what the server reads]:format:(pem go nss raw)'
      '--force[replace the file]'
      '--name[the site to hide]:site: '
      "--port[the site's port]:port: "
      '--config-id[0 to 255]:number: '
      '*--avoid[key file whose config_ids are not taken]:file:_files'
      '--max-name-length[hide the length of names up to this]:number: '
      '--kem[KEM]:KEM:(x25519 p256)'
      '*--suite[cipher suite]:suite:(hkdf-sha256,aes-128-gcm hkdf-sha256,aes-256-gcm hkdf-sha256,chacha20-poly1305)'
      ':public name: '
    )
    ;;
  inspect)
    options=(
      '--config[configuration of a key that stands alone]:file:_files'
      '--json[print one JSON object]'
      ':file:_files'
    )
    ;;
  publish)
    options=(
      '--name[the site to hide]:site: '
      '--format[what to print]:format:(zone generic nsupdate wkech)'
      "--port[the site's port]:port: "
      '--alpn[protocols that it speaks]:list: '
      "--ttl[the record's TTL]:seconds: "
      '*:file:_files'
    )
    ;;
  rotate)
    options=(
      '--keep[how many published keys stay]:number: '
      '--every[do nothing while the newest key is younger]:time: '
      "--ttl[the record's TTL]:seconds: "
      '--max-name-length[hide the length of names up to this]:number: '
      '--dry-run[only say what would be done]'
      ':directory:_files -/'
      ':public name: '
    )
    ;;
esac
_arguments -s $help $options
