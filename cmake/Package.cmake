# `cpack` makes a Debian package of what `ninja install` installs. Configure with
# -DCMAKE_INSTALL_PREFIX=/usr for it: the units name the program by its path.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME echproxy)
# Who makes it is who Debian's own tools take it to be.
set(ECHPROXY_MAINTAINER "echproxy developers <echproxy@localhost.localdomain>")
if(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
  set(ECHPROXY_MAINTAINER "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
set(CPACK_PACKAGE_CONTACT "${ECHPROXY_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
  "proxy that hides which sites are visited, with Encrypted ClientHello")
set(CPACK_PACKAGE_DESCRIPTION
"The first message of a TLS connection says the name of the site in the clear.
Encrypted ClientHello (ECH, RFC 9849) encrypts it, but browsers do not use it
behind a proxy, and most programs have none at all. echproxy is a proxy on the
user's own machine that reaches every site that publishes ECH with its name
encrypted, and passes all others through untouched.
.
It also makes, inspects, publishes and rotates ECH keys for servers, and says
whether a site can be reached privately.")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE
    GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)

set(debian ${CMAKE_SOURCE_DIR}/packaging/debian)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
# The libraries by what the program links with, BoringSSL among them when it is
# Debian's; the certificates are what sites are verified against.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS ca-certificates)
# certutil, with which browsers are told of the CA, and what opens the menu's
# entry.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libnss3-tools, xdg-utils")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${debian}/postinst ${debian}/prerm ${debian}/postrm)

# What a package has and an installation by hand has not.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  configure_file(${debian}/changelog.in changelog @ONLY)
  echproxy_install_gzipped(${CMAKE_BINARY_DIR}/changelog changelog.Debian
    ${CMAKE_INSTALL_DOCDIR})
  install(FILES ${debian}/lintian-overrides RENAME echproxy
          DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides)
endif()
include(CPack)
