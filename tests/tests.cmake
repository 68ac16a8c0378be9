# SPDX-License-Identifier: Apache-2.0
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

# tests/unit/test_X.c tests the file X.c or X.h and links that file's floor and what lies
# below, so that an upward call cannot link. The floor is found by where X stands.
file(GLOB unit_tests CONFIGURE_DEPENDS tests/unit/test_*.c)
file(GLOB test_support CONFIGURE_DEPENDS tests/support/*.c)
foreach(test ${unit_tests})
    string(REGEX REPLACE ".*/test_(.*)\\.c$" "\\1" name ${test})
    set(found)
    foreach(floor base proto replication cluster admin node)
        file(GLOB_RECURSE here ${floor}/${name}.c ${floor}/${name}.h)
        if(here)
            set(found ${floor})
        endif()
    endforeach()
    if(NOT found)
        message(FATAL_ERROR "${test}: no floor has a file ${name}.c or ${name}.h")
    endif()
    add_executable(test_${name} ${test})
    target_compile_options(test_${name} PRIVATE ${our_warnings})
    target_link_libraries(test_${name} PRIVATE ${found} PkgConfig::CMOCKA)
    target_compile_definitions(test_${name} PRIVATE
                               GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/unit/golden")
    add_test(NAME unit.${name} COMMAND test_${name})
    set_tests_properties(unit.${name} PROPERTIES LABELS unit)
endforeach()

# Without libFuzzer the fuzzers are only compiled, by name: so the lint sees them.
if(NOT PRESENCED_FUZZ)
    file(GLOB fuzzers CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
    add_library(fuzzers OBJECT EXCLUDE_FROM_ALL ${fuzzers})
    target_compile_options(fuzzers PRIVATE ${our_warnings})
    target_link_libraries(fuzzers PRIVATE admin)
endif()

# Our code against a library that nobody here wrote, in one process.
pkg_check_modules(GSASL REQUIRED IMPORTED_TARGET libgsasl)
add_executable(interop_gsasl tests/interop/gsasl_client.c)
target_compile_options(interop_gsasl PRIVATE ${our_warnings})
target_link_libraries(interop_gsasl PRIVATE proto PkgConfig::CMOCKA PkgConfig::GSASL)
add_test(NAME interop.gsasl COMMAND interop_gsasl)
set_tests_properties(interop.gsasl PROPERTIES LABELS interop)

get_property(floor_objects GLOBAL PROPERTY floor_objects)
add_test(NAME tidy.layers COMMAND ${PROJECT_SOURCE_DIR}/tests/tidy/check_layers.sh
         ${PROJECT_SOURCE_DIR})
add_test(NAME tidy.names COMMAND ${PROJECT_SOURCE_DIR}/tests/tidy/check_names.sh
         ${floor_objects} -- ${UV_LINK_LIBRARIES} ${OPENSSL_LINK_LIBRARIES}
         ${EXPAT_LINK_LIBRARIES} ${NGHTTP2_LINK_LIBRARIES} ${PROTOBUF_C_LINK_LIBRARIES}
         ${JANSSON_LINK_LIBRARIES} ${IDN_LINK_LIBRARIES} ${RAFT_LINK_LIBRARIES}
         ${ROCKSDB_LINK_LIBRARIES} ${YAML_LINK_LIBRARIES} ${SYSTEMD_LINK_LIBRARIES}
         COMMAND_EXPAND_LISTS)
set_tests_properties(tidy.layers tidy.names PROPERTIES LABELS tidy)

# Each check of check_source.py is a test; check_faults.py sees each of them fail.
set(PYTHON /usr/bin/python3 -B) # Debian's, which its python3-* packages belong to
execute_process(COMMAND ${PYTHON} ${PROJECT_SOURCE_DIR}/tests/tidy/check_source.py --list
                OUTPUT_VARIABLE checks COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[a-z_]+" checks "${checks}")
foreach(check ${checks})
    add_test(NAME tidy.${check} COMMAND ${PYTHON}
             ${PROJECT_SOURCE_DIR}/tests/tidy/check_source.py ${PROJECT_SOURCE_DIR} ${check})
    set_tests_properties(tidy.${check} PROPERTIES LABELS tidy)
endforeach()
add_test(NAME tidy.faults COMMAND ${PYTHON} ${PROJECT_SOURCE_DIR}/tests/tidy/check_faults.py)
add_test(NAME tidy.systemd COMMAND ${PROJECT_SOURCE_DIR}/tests/tidy/check_systemd.sh
         ${PROJECT_SOURCE_DIR})
set_tests_properties(tidy.faults tidy.systemd PROPERTIES LABELS tidy SKIP_RETURN_CODE 77)

# clang-tidy takes minutes: `ctest -C lint` (tests/run does it), not every ctest.
add_test(NAME lint.clang_tidy CONFIGURATIONS lint
         COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target lint)
set_tests_properties(lint.clang_tidy PROPERTIES LABELS lint TIMEOUT 1200)
