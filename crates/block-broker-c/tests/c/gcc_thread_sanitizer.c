/* rustc's thread sanitizer calls these names, which the runtime of gcc 12 does not have. That
 * runtime intercepts memcpy and memset instead. */
#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

void *__tsan_memcpy(void *to, const void *from, size_t length);
void *__tsan_memset(void *to, int value, size_t length);

void *__tsan_memcpy(void *to, const void *from, size_t length) {
  return memcpy(to, from, length);
}

void *__tsan_memset(void *to, int value, size_t length) {
  return memset(to, value, length);
}

#ifdef __cplusplus
}
#endif
