# echproxy_folder makes the static library of one top-level folder from all of
# its .c files (main.c is the program's own). A folder sees the headers of the
# folders that it links and no others: each is reached through a link farm that
# holds that folder alone, so that a wrong #include does not compile.
function(echproxy_folder name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.c)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  # What only one kind of system has is in a file for each kind.
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    list(FILTER sources EXCLUDE REGEX "_none\\.c$")
  else()
    list(FILTER sources EXCLUDE REGEX "_linux\\.c$")
  endif()
  # The same goes for what only one BoringSSL has.
  if(ECHPROXY_SSL_CREDENTIAL)
    list(FILTER sources EXCLUDE REGEX "_legacy\\.c$")
  else()
    list(FILTER sources EXCLUDE REGEX "_credential\\.c$")
  endif()
  set(root ${CMAKE_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${name} ${root}/${name} SYMBOLIC)
  add_library(${name} STATIC ${sources})
  set_target_properties(${name} PROPERTIES OUTPUT_NAME echproxy-${name})
  target_include_directories(${name} PUBLIC ${root})
  target_link_libraries(${name} ${ARGN})
endfunction()
