# Finds BoringSSL: an upstream build or install named by BORINGSSL_ROOT (a CMake
# or environment variable) or by CMAKE_PREFIX_PATH, otherwise Debian's
# android-libboringssl-dev. Defines BoringSSL::SSL and BoringSSL::Crypto, and
# BORINGSSL_DESCRIPTION, which `echproxy --version` shows.
set(_boringssl_hints ${BORINGSSL_ROOT} $ENV{BORINGSSL_ROOT})

find_path(BORINGSSL_INCLUDE_DIR openssl/is_boringssl.h
  HINTS ${_boringssl_hints}
  PATH_SUFFIXES include
  NO_SYSTEM_ENVIRONMENT_PATH NO_CMAKE_SYSTEM_PATH)
find_path(BORINGSSL_INCLUDE_DIR openssl/is_boringssl.h
  PATHS /usr/include/android)

if(BORINGSSL_INCLUDE_DIR STREQUAL "/usr/include/android")
  set(_boringssl_lib_args PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/android
    NO_DEFAULT_PATH)
  set(BORINGSSL_DESCRIPTION "BoringSSL (Debian android-libboringssl)")
else()
  get_filename_component(_boringssl_prefix ${BORINGSSL_INCLUDE_DIR} DIRECTORY)
  set(_boringssl_lib_args HINTS ${_boringssl_hints} ${_boringssl_prefix}
    PATH_SUFFIXES lib lib64 build . ssl crypto NO_DEFAULT_PATH)
  set(BORINGSSL_DESCRIPTION "BoringSSL (upstream)")
endif()
find_library(BORINGSSL_SSL_LIBRARY ssl ${_boringssl_lib_args})
find_library(BORINGSSL_CRYPTO_LIBRARY crypto ${_boringssl_lib_args})

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BoringSSL
  REQUIRED_VARS BORINGSSL_SSL_LIBRARY BORINGSSL_CRYPTO_LIBRARY
                BORINGSSL_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install android-libboringssl-dev or set BORINGSSL_ROOT")

if(BoringSSL_FOUND AND NOT TARGET BoringSSL::SSL)
  get_filename_component(_boringssl_lib_dir ${BORINGSSL_SSL_LIBRARY} DIRECTORY)
  add_library(BoringSSL::Crypto UNKNOWN IMPORTED)
  set_target_properties(BoringSSL::Crypto PROPERTIES
    IMPORTED_LOCATION ${BORINGSSL_CRYPTO_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${BORINGSSL_INCLUDE_DIR})
  add_library(BoringSSL::SSL UNKNOWN IMPORTED)
  set_target_properties(BoringSSL::SSL PROPERTIES
    IMPORTED_LOCATION ${BORINGSSL_SSL_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${BORINGSSL_INCLUDE_DIR}
    INTERFACE_LINK_LIBRARIES BoringSSL::Crypto)
  if(BORINGSSL_SSL_LIBRARY MATCHES "\\.a$")
    # Upstream's libssl is C++ inside.
    find_package(Threads REQUIRED)
    set_property(TARGET BoringSSL::Crypto APPEND PROPERTY
      INTERFACE_LINK_LIBRARIES Threads::Threads stdc++)
  else()
    set_property(TARGET BoringSSL::SSL APPEND PROPERTY
      INTERFACE_LINK_OPTIONS -Wl,-rpath,${_boringssl_lib_dir})
  endif()
endif()
mark_as_advanced(BORINGSSL_INCLUDE_DIR BORINGSSL_SSL_LIBRARY
  BORINGSSL_CRYPTO_LIBRARY)
