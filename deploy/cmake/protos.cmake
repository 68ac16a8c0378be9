# SPDX-License-Identifier: Apache-2.0
# protobuf-c code for proto/rpc/presenced/*/v1/*.proto, in the build tree, an object
# library of its own: outside lint, name and size checks. Include it as
# "presenced/store/v1/store.pb-c.h".
find_program(PROTOC_C protoc-c REQUIRED)
set(proto_root ${PROJECT_SOURCE_DIR}/proto/rpc)
set(proto_out ${PROJECT_BINARY_DIR}/protos)
file(MAKE_DIRECTORY ${proto_out})
file(GLOB_RECURSE proto_files CONFIGURE_DEPENDS RELATIVE ${proto_root} ${proto_root}/*.proto)
set(proto_sources)
foreach(file ${proto_files})
    string(REGEX REPLACE "\\.proto$" ".pb-c" stem ${file})
    add_custom_command(
        OUTPUT ${proto_out}/${stem}.c ${proto_out}/${stem}.h
        COMMAND ${PROTOC_C} --c_out=${proto_out} -I${proto_root} -I/usr/include ${file}
        DEPENDS ${proto_root}/${file} WORKING_DIRECTORY ${proto_root} VERBATIM)
    list(APPEND proto_sources ${proto_out}/${stem}.c)
endforeach()
add_library(protos STATIC ${proto_sources})
target_include_directories(protos SYSTEM PUBLIC ${proto_out})
target_link_libraries(protos PUBLIC PkgConfig::PROTOBUF_C)
target_compile_options(protos PRIVATE -w)
