# Names of nDPI's risks, from the enumerators of the header that was found: their numbers changed meaning between versions, and versions
# before 4.11 have no call that tells the names.

# Writes FILE, which defines shim_risk_names (meter/dissect_shim.h). The compiler gives each name its number.
function(flowsensor_ndpi_risks file)
  set(found "")
  foreach(folder IN LISTS NDPI_INCLUDE_DIRS)
    file(GLOB headers ${folder}/ndpi*.h)
    foreach(header IN LISTS headers)
      file(READ ${header} text)
      string(REGEX REPLACE "/\\*([^*]|\\*+[^*/])*\\*+/" "" text "${text}")
      if(text MATCHES "[{][^{}]*NDPI_NO_RISK[^{}]*[}]")
        set(found "${CMAKE_MATCH_0}")
      endif()
    endforeach()
  endforeach()
  string(REGEX MATCHALL "NDPI_[A-Z0-9_]+" enumerators "${found}")
  list(REMOVE_ITEM enumerators NDPI_NO_RISK NDPI_MAX_RISK)
  if(NOT enumerators)
    message(FATAL_ERROR "nDPI ${NDPI_VERSION} in ${NDPI_INCLUDE_DIRS} has no enumeration of risks with NDPI_NO_RISK")
  endif()
  foreach(enumerator IN LISTS enumerators)
    string(REGEX REPLACE "^NDPI_" "" name ${enumerator})
    string(TOLOWER ${name} name)
    string(APPEND rows "    [${enumerator}] = \"${name}\",\n")
  endforeach()
  file(CONFIGURE OUTPUT ${file} @ONLY CONTENT
       "#include \"meter/dissect_shim.h\"\n\nconst char *const shim_risk_names[NDPI_MAX_RISK] = {\n@rows@};\n")
endfunction()
