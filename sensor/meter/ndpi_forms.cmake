# Which nDPI this is, call by call: of the forms that a call has in nDPI's versions (rows of TABLE), the first that compiles and
# links with the library that was found. A form's file is what the sensor calls, so that it is probed as it is used.

# Sets VARIABLE to the name of the first of the forms that the library has.
function(flowsensor_ndpi_probe variable call folder)
  set(tried "")
  foreach(form IN LISTS ARGN)
    try_compile(
      found
      SOURCES ${folder}/${form}.c
      SOURCE_FROM_CONTENT probe.c "int main(void) { return 0; }"
      NO_CACHE
      CMAKE_FLAGS -DINCLUDE_DIRECTORIES=${CMAKE_CURRENT_SOURCE_DIR}
      COMPILE_DEFINITIONS -D_GNU_SOURCE -Werror=implicit-function-declaration -Werror=incompatible-pointer-types
                          -Werror=int-conversion
      LINK_LIBRARIES PkgConfig::NDPI
      OUTPUT_VARIABLE output
      C_STANDARD 17)
    if(found)
      set(${variable} ${form} PARENT_SCOPE)
      return()
    endif()
    string(REGEX MATCH "[^\n]*(error:|undefined reference)[^\n]*" why "${output}")
    string(APPEND tried "\n${form}: ${why}")
  endforeach()
  message(FATAL_ERROR "nDPI ${NDPI_VERSION} in ${NDPI_INCLUDE_DIRS} has none of the known forms of ${call}:${tried}")
endfunction()

# Sets VARIABLE to the files of the forms. They are looked for again if the headers, the compiler or a form has changed.
function(flowsensor_ndpi_forms variable table)
  cmake_path(GET table PARENT_PATH folder)
  cmake_path(ABSOLUTE_PATH folder OUTPUT_VARIABLE full_folder)
  list(TRANSFORM NDPI_INCLUDE_DIRS APPEND /ndpi*.h OUTPUT_VARIABLE headers)
  file(GLOB files CONFIGURE_DEPENDS ${full_folder}/* ${full_folder}/../dissect_shim.h ${headers})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(probed "${NDPI_VERSION} ${NDPI_INCLUDE_DIRS} ${NDPI_LINK_LIBRARIES} ${CMAKE_C_COMPILER}")
  foreach(file IN LISTS files)
    file(SHA256 ${file} digest)
    string(APPEND probed " ${digest}")
  endforeach()
  if(NOT "${FLOWSENSOR_NDPI_PROBED}" STREQUAL probed)
    file(STRINGS ${table} rows REGEX "^FORM\\(")
    foreach(row IN LISTS rows)
      string(REGEX MATCH "^FORM\\(([a-z0-9_]+), ([a-z0-9_]+)\\)" row "${row}")
      list(APPEND calls ${CMAKE_MATCH_2})
      list(APPEND forms_of_${CMAKE_MATCH_2} ${CMAKE_MATCH_1})
    endforeach()
    list(REMOVE_DUPLICATES calls)
    foreach(call IN LISTS calls)
      flowsensor_ndpi_probe(form ${call} ${full_folder} ${forms_of_${call}})
      list(APPEND forms ${form})
    endforeach()
    if("ja3_client_none" IN_LIST forms AND "ja4_client_none" IN_LIST forms)
      message(FATAL_ERROR "nDPI ${NDPI_VERSION} in ${NDPI_INCLUDE_DIRS} has neither JA3 nor JA4 of a TLS client")
    endif()
    set(FLOWSENSOR_NDPI_FORMS ${forms} CACHE INTERNAL "Forms of nDPI's calls")
    set(FLOWSENSOR_NDPI_PROBED "${probed}" CACHE INTERNAL "What they were found with")
  endif()
  list(JOIN FLOWSENSOR_NDPI_FORMS " " text)
  message(STATUS "nDPI ${NDPI_VERSION}: ${text}")
  list(TRANSFORM FLOWSENSOR_NDPI_FORMS REPLACE "(.+)" "${folder}/\\1.c" OUTPUT_VARIABLE sources)
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()
