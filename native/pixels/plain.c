/* pixels_lanczos_plain: lanczos.c without vectors, for fuzz.c to compare with; it is not in the module. */
#define PIXELS_PLAIN
#define pixels_lanczos pixels_lanczos_plain
#include "lanczos.c"
