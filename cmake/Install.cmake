# `ninja install`: the program, its man pages, completions and documentation, and
# what desktops and service managers read. All of it below CMAKE_INSTALL_PREFIX.
install(TARGETS echproxy RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# Compressed, as Debian wants them, and the same whenever they are.
find_program(GZIP_PROGRAM gzip REQUIRED)
function(echproxy_install_gzipped source name destination)
  set(zipped ${CMAKE_BINARY_DIR}/gzipped/${name}.gz)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/gzipped)
  add_custom_command(OUTPUT ${zipped}
    COMMAND ${GZIP_PROGRAM} -9nc ${source} > ${zipped}
    DEPENDS ${source} VERBATIM)
  add_custom_target(gzipped-${name} ALL DEPENDS ${zipped})
  install(FILES ${zipped} DESTINATION ${destination})
endfunction()

foreach(page echproxy.1 echproxy.conf.5)
  string(REGEX MATCH "[0-9]$" section ${page})
  echproxy_install_gzipped(${CMAKE_SOURCE_DIR}/docs/man/${page} ${page}
    ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

# Where shells look. Debian's zsh looks elsewhere for what packages bring.
set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND EXISTS /etc/debian_version)
  set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
endif()
set(completions ${CMAKE_SOURCE_DIR}/packaging/completions)
install(FILES ${completions}/echproxy.bash RENAME echproxy
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${completions}/echproxy.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${completions}/echproxy.zsh RENAME _echproxy
        DESTINATION ${zsh_dir})

# systemd's units: of the system, of a user, and those that rotate a server's ECH
# keys. systemd looks for them below /usr and /usr/local.
set(ECHPROXY_PROGRAM ${CMAKE_INSTALL_FULL_BINDIR}/echproxy)
set(units ${CMAKE_SOURCE_DIR}/packaging/systemd)
foreach(unit echproxy.service echproxy-rotate@.service user/echproxy.service)
  configure_file(${units}/${unit}.in systemd/${unit} @ONLY)
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/systemd/echproxy.service
              ${CMAKE_BINARY_DIR}/systemd/echproxy-rotate@.service
              ${units}/echproxy.socket
              ${units}/echproxy-rotate@.timer
        DESTINATION lib/systemd/system)
install(FILES ${CMAKE_BINARY_DIR}/systemd/user/echproxy.service
              ${units}/echproxy.socket
        DESTINATION lib/systemd/user)

install(FILES ${CMAKE_SOURCE_DIR}/packaging/desktop/echproxy.desktop
        DESTINATION ${CMAKE_INSTALL_DATADIR}/applications)

# README.md finds the others in docs/.
file(GLOB docs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/*.md
     ${CMAKE_SOURCE_DIR}/docs/*.svg ${CMAKE_SOURCE_DIR}/docs/*.png)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${units}/rotate.env
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${CMAKE_SOURCE_DIR}/packaging/examples/haproxy.cfg
        DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES ${docs} DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(FILES ${CMAKE_SOURCE_DIR}/packaging/debian/copyright
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${CMAKE_SOURCE_DIR}/packaging/grafana/echproxy.json
        DESTINATION ${CMAKE_INSTALL_DOCDIR}/grafana)
