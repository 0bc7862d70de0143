# Two packages: flowsensor, and flowsensor-dev with the header that plugins are built against.
set(debian ${CMAKE_CURRENT_LIST_DIR})

foreach(package IN ITEMS flowsensor flowsensor-dev)
  set(component service)
  if(package STREQUAL "flowsensor-dev")
    set(component plugin)
  endif()
  install(CODE "set(source \"${PROJECT_SOURCE_DIR}\")\nset(package ${package})\ninclude(\"${debian}/documents.cmake\")"
          COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME flowsensor)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "network flow meter that streams typed records to Kafka")
set(CPACK_PACKAGE_VENDOR flowsensor)
set(CPACK_PACKAGE_CONTACT "flowsensor developers <flowsensor@users.noreply.github.com>")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
# Folders get the mode that Debian wants, whatever the umask of who builds it.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                                                WORLD_EXECUTE)
# The service's places are absolute.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime service plugin)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_MAIN_PACKAGE_NAME flowsensor)
# CPack puts the summary before both and begins each line with a space.
set(CPACK_DEBIAN_MAIN_DESCRIPTION
    "Meters bidirectional network flows from captures or live interfaces, labels
them with nDPI, and writes one typed Avro record per flow to Kafka, under a
schema that a registry keeps, or to files.
.
The service is not enabled: it needs a broker, which its configuration
/etc/flowsensor/flowsensor.conf names.")
set(CPACK_DEBIAN_MAIN_PACKAGE_SHLIBDEPS ON)
# sysusers and tmpfiles make the user and its folders; of systemd or without it.
set(CPACK_DEBIAN_MAIN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_MAIN_PACKAGE_RECOMMENDS "ca-certificates, libcap2-bin")
set(CPACK_DEBIAN_MAIN_PACKAGE_CONTROL_EXTRA ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME flowsensor-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS flowsensor)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
    "The header that plugins are built against: shared objects that add fields of
their own to the records of flowsensor. With examples.")

include(CPack)
cpack_add_component_group(main)
cpack_add_component_group(development)
cpack_add_component(runtime GROUP main)
cpack_add_component(service GROUP main)
cpack_add_component(plugin GROUP development)
