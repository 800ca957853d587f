# Completion of echproxy's command line for fish.

# Whether the command is one of those given; it is run when there is none.
function __echproxy_is
    set -l words (commandline -opc)
    set -l known run check config keygen inspect publish rotate ca trust untrust
    set -l command run
    if set -q words[2]; and contains -- $words[2] $known
        set command $words[2]
    end
    contains -- $command $argv
end

function __echproxy_is_first
    test (count (commandline -opc)) -eq 1
end

complete -c echproxy -f
complete -c echproxy -n __echproxy_is_first -a run -d 'Run the proxy'
complete -c echproxy -n __echproxy_is_first -a check -d 'Say whether a site can be reached privately'
complete -c echproxy -n __echproxy_is_first -a config -d 'Write or show the configuration'
complete -c echproxy -n __echproxy_is_first -a keygen -d 'Make an ECH key for a server'
complete -c echproxy -n __echproxy_is_first -a inspect -d 'Say what an ECH key or record holds'
complete -c echproxy -n __echproxy_is_first -a publish -d 'Print the record for an ECH key'
complete -c echproxy -n __echproxy_is_first -a rotate -d 'Replace a server\'s ECH key, step by step'
complete -c echproxy -n __echproxy_is_first -a ca -d 'Print where the CA\'s certificate is'
complete -c echproxy -n __echproxy_is_first -a trust -d 'Make browsers trust the local CA'
complete -c echproxy -n __echproxy_is_first -a untrust -d 'Take it out of them again'
complete -c echproxy -n __echproxy_is_first -l version -d 'Print the version'
complete -c echproxy -s h -l help -d 'Print a summary'

# Files and directories as arguments.
complete -c echproxy -n '__echproxy_is inspect publish' -F
complete -c echproxy -n '__echproxy_is rotate' -a '(__fish_complete_directories)'
complete -c echproxy -n '__echproxy_is check' -a '(__fish_print_hostnames)'

# What several commands have.
complete -c echproxy -n '__echproxy_is run check config ca trust untrust' -s c -l config -r -F -d 'Configuration file'
complete -c echproxy -n '__echproxy_is run check ca trust untrust' -l state-dir -x -a '(__fish_complete_directories)' -d 'Where the CA is kept'
complete -c echproxy -n '__echproxy_is run check' -l mode -x -a 'prefer strict' -d 'What to do with sites without ECH'
complete -c echproxy -n '__echproxy_is run check' -l resolver -x -d 'URL of a resolver'
complete -c echproxy -n '__echproxy_is run check' -l bootstrap -x -d 'IP address of the resolvers'
complete -c echproxy -n '__echproxy_is run check' -l local-domain -x -d 'Names for the system\'s resolver'
complete -c echproxy -n '__echproxy_is run check' -l resolver-ca -r -F -d 'Certificates to trust for resolvers'
complete -c echproxy -n '__echproxy_is run check' -l upstream-ca -r -F -d 'Certificates to trust for sites'
complete -c echproxy -n '__echproxy_is run check' -l upstream-proxy -x -d 'Proxy to connect through'
complete -c echproxy -n '__echproxy_is check inspect' -l json -d 'Print one JSON object'
complete -c echproxy -n '__echproxy_is trust untrust rotate' -l dry-run -d 'Only say what would be done'
complete -c echproxy -n '__echproxy_is keygen publish' -l name -x -d 'The site to hide'
complete -c echproxy -n '__echproxy_is keygen publish' -l port -x -d 'The site\'s port'
complete -c echproxy -n '__echproxy_is keygen rotate' -l max-name-length -x -d 'Hide the length of names up to this'
complete -c echproxy -n '__echproxy_is publish rotate' -l ttl -x -d 'The record\'s TTL'

complete -c echproxy -n '__echproxy_is run' -l listen -x -d 'Address and port to listen on'
complete -c echproxy -n '__echproxy_is run' -l users -r -F -d 'Names and passwords to let in'
complete -c echproxy -n '__echproxy_is run' -l workers -x -d 'Threads that share the work'
complete -c echproxy -n '__echproxy_is run' -s v -l verbose -d 'Name the hosts in the log'
complete -c echproxy -n '__echproxy_is run' -s q -l quiet -d 'Log errors only'
complete -c echproxy -n '__echproxy_is run' -l log-format -x -a 'text json' -d 'Form of the log'

complete -c echproxy -n '__echproxy_is config' -l init -d 'Write a file to begin with'
complete -c echproxy -n '__echproxy_is config' -l force -d 'Replace the file'
complete -c echproxy -n '__echproxy_is config' -l show -d 'Print what is in force'

complete -c echproxy -n '__echproxy_is trust' -l list -d 'Say where the CA is trusted'
complete -c echproxy -n '__echproxy_is untrust' -l delete -d 'Delete the CA as well'
complete -c echproxy -n '__echproxy_is untrust' -l all -d 'CAs of other state directories too'

complete -c echproxy -n '__echproxy_is ca' -l pem -d 'Print the certificate'
complete -c echproxy -n '__echproxy_is ca' -l fingerprint -d 'Print its SHA-256'
complete -c echproxy -n '__echproxy_is ca' -l rotate -d 'Make a new CA'

complete -c echproxy -n '__echproxy_is keygen' -l out -r -F -d 'Where the key goes'
complete -c echproxy -n '__echproxy_is keygen' -l format -x -a 'pem go nss raw' -d 'What the server reads'
complete -c echproxy -n '__echproxy_is keygen' -l force -d 'Replace the file'
complete -c echproxy -n '__echproxy_is keygen' -l config-id -x -d '0 to 255'
complete -c echproxy -n '__echproxy_is keygen' -l avoid -r -F -d 'Key file whose config_ids are not taken'
complete -c echproxy -n '__echproxy_is keygen' -l kem -x -a 'x25519 p256' -d 'KEM'
complete -c echproxy -n '__echproxy_is keygen' -l suite -x -a 'hkdf-sha256,aes-128-gcm hkdf-sha256,aes-256-gcm hkdf-sha256,chacha20-poly1305' -d 'Cipher suite'

complete -c echproxy -n '__echproxy_is inspect' -l config -r -F -d 'Configuration of a key that stands alone'

complete -c echproxy -n '__echproxy_is publish' -l format -x -a 'zone generic nsupdate wkech' -d 'What to print'
complete -c echproxy -n '__echproxy_is publish' -l alpn -x -d 'Protocols that the site speaks'

complete -c echproxy -n '__echproxy_is rotate' -l keep -x -d 'How many published keys stay'
complete -c echproxy -n '__echproxy_is rotate' -l every -x -d 'Do nothing while the newest key is younger'
