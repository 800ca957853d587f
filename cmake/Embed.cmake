# echproxy_embed puts files into a target as octets: of each SYMBOL and its FILES,
# one after the other, it makes `const struct embedded_text SYMBOL`, which HEADER
# declares. They are read anew whenever one changes.
#
# The same file is the script that writes the C source.
if(CMAKE_SCRIPT_MODE_FILE)
  set(content "")
  foreach(file IN LISTS FILES)
    file(READ ${file} hex HEX)
    string(APPEND content "${hex}")
  endforeach()
  string(LENGTH "${content}" digits)
  math(EXPR len "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," octets "${content}")
  # The NUL at its end is not counted.
  file(WRITE ${OUT} "#include \"${HEADER}\"\n\n"
    "static const unsigned char kOctets[] = {${octets}0x00};\n\n"
    "const struct embedded_text ${SYMBOL} = {(const char *)kOctets, ${len}};\n")
  return()
endif()

set(echproxy_embed_script ${CMAKE_CURRENT_LIST_FILE})
function(echproxy_embed target header symbol)
  set(out ${CMAKE_BINARY_DIR}/generated/${target}_${symbol}.c)
  set(script ${echproxy_embed_script})
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${ARGN}" -DOUT=${out} -DHEADER=${header}
            -DSYMBOL=${symbol} -P ${script}
    DEPENDS ${ARGN} ${script}
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
