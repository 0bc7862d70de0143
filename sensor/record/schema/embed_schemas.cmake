# Writes every schema below ROOT as a C array into OUTPUT: cmake -DROOT=... -DOUTPUT=... -P embed_schemas.cmake
file(GLOB_RECURSE paths RELATIVE ${ROOT} ${ROOT}/*.avsc)
list(SORT paths)
set(arrays "")
set(rows "")
set(number 0)
foreach(path IN LISTS paths)
  file(READ ${ROOT}/${path} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "\\.avsc$" "" name "${path}")
  string(APPEND arrays "static const unsigned char schema_${number}[] = {${bytes}0};\n")
  string(APPEND rows "    {\"${name}\", (const char *)schema_${number}, sizeof schema_${number} - 1},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT} "/* Made by embed_schemas.cmake from schemas/. */\n#include \"record/schema/embedded.h\"\n\n${arrays}\n"
                     "const struct embedded_schema embedded_schemas[] = {\n${rows}};\n"
                     "const size_t embedded_schema_count = ${number};\n")
