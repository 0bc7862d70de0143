# Installs what the binary `flowsensor` prints: its man page into `man`, its completions below `share`.
set(folder ${CMAKE_INSTALL_PREFIX})

function(flowsensor_print path)
  get_filename_component(parent $ENV{DESTDIR}${folder}/${path} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  execute_process(COMMAND ${flowsensor} ${ARGN} OUTPUT_FILE $ENV{DESTDIR}${folder}/${path} COMMAND_ERROR_IS_FATAL ANY)
  message(STATUS "Installing: $ENV{DESTDIR}${folder}/${path}")
endfunction()

# Debian's zsh looks for packages' completions in a folder of its own.
if(folder STREQUAL "/usr" AND EXISTS /etc/debian_version)
  set(zsh ${share}/zsh/vendor-completions)
else()
  set(zsh ${share}/zsh/site-functions)
endif()
flowsensor_print(${man}/flowsensor.1 manual)
flowsensor_print(${share}/bash-completion/completions/flowsensor completion bash)
flowsensor_print(${zsh}/_flowsensor completion zsh)
flowsensor_print(${share}/fish/vendor_completions.d/flowsensor.fish completion fish)
execute_process(COMMAND gzip -9nf $ENV{DESTDIR}${folder}/${man}/flowsensor.1 COMMAND_ERROR_IS_FATAL ANY)
