/* libImaging raises Python's exceptions, and lets go of Python's lock while it works. */

#include <Python.h>

int
LLVMFuzzerInitialize(int *count, char ***words) {
    (void)count;
    (void)words;
    Py_InitializeEx(0);
    return 0;
}
