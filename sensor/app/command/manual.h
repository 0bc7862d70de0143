/* flowsensor manual: the man page flowsensor(1) in roff, from the rows of flags, commands, exit codes and options. */
#pragma once

#include <stdio.h>

void manual_print(FILE *stream);
