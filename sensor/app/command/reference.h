/* The reference page: every option and every record field, from the tables that the program itself reads. */
#pragma once

#include <stdio.h>

/* Markdown. */
void reference_print(FILE *stream);
