# The libraries that the program stands on, as imported targets.
list(APPEND CMAKE_MODULE_PATH ${CMAKE_SOURCE_DIR}/cmake)
find_package(BoringSSL REQUIRED)
find_package(PkgConfig REQUIRED)

function(echproxy_pkg target module)
  pkg_check_modules(${module} REQUIRED IMPORTED_TARGET ${module})
  add_library(${target} ALIAS PkgConfig::${module})
endfunction()

echproxy_pkg(LibUV::LibUV libuv)
echproxy_pkg(NGHTTP2::NGHTTP2 libnghttp2)
echproxy_pkg(Jansson::Jansson jansson)
echproxy_pkg(inih::inih inih)
echproxy_pkg(SQLite::SQLite sqlite3)
