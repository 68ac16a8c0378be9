# SPDX-License-Identifier: Apache-2.0
# tests/fuzz/fuzz_X.c drives a parser of proto or replication with libFuzzer.
file(GLOB fuzzers CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
foreach(fuzzer ${fuzzers})
    string(REGEX REPLACE ".*/(fuzz_.*)\\.c$" "\\1" name ${fuzzer})
    add_executable(${name} ${fuzzer})
    target_compile_options(${name} PRIVATE ${our_warnings})
    target_link_libraries(${name} PRIVATE admin)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined)
endforeach()
