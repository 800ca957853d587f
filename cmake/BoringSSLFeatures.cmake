# echproxy_boringssl_has sets VARIABLE to whether the BoringSSL in use declares
# FUNCTION in HEADER. It is only compiled: upstream's static library would need a
# C++ linker.
function(echproxy_boringssl_has variable header function)
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
  get_target_property(CMAKE_REQUIRED_INCLUDES BoringSSL::SSL
    INTERFACE_INCLUDE_DIRECTORIES)
  check_c_source_compiles("
    #include <${header}>
    int main(void) { return ${function} == 0; }" ${variable})
endfunction()

# echproxy_boringssl_feature defines DEFINITION for TARGET's own sources when
# there is FUNCTION.
function(echproxy_boringssl_feature target definition header function)
  echproxy_boringssl_has(${definition} ${header} ${function})
  if(${definition})
    target_compile_definitions(${target} PRIVATE ${definition})
  endif()
endfunction()
