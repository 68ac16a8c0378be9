# SPDX-License-Identifier: Apache-2.0
# The libraries we link, each refused here when it cannot do what we rely on.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
include(CheckSymbolExists)

pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl>=3.0)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat>=2.5)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(IDN REQUIRED IMPORTED_TARGET libidn>=1.41)
pkg_check_modules(RAFT REQUIRED IMPORTED_TARGET raft>=0.22.1) # 0.15 loses committed entries
pkg_check_modules(ROCKSDB REQUIRED IMPORTED_TARGET rocksdb>=7.8)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1>=0.2.5)
pkg_check_modules(SMARTCOLS REQUIRED IMPORTED_TARGET smartcols>=2.38)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd>=252)

function(require_symbol module header symbol why)
    set(CMAKE_REQUIRED_LIBRARIES PkgConfig::${module})
    set(CMAKE_REQUIRED_DEFINITIONS ${ARGN})
    check_symbol_exists(${symbol} ${header} HAVE_${symbol})
    if(NOT HAVE_${symbol})
        message(FATAL_ERROR "${header} lacks ${symbol}(): ${why}")
    endif()
endfunction()
require_symbol(RAFT raft.h raft_step "an older libraft loses committed entries (Figure 8)")
foreach(symbol XML_SetReparseDeferralEnabled
        XML_SetBillionLaughsAttackProtectionMaximumAmplification)
    require_symbol(EXPAT expat.h ${symbol} "install the expat security updates"
                   -DXML_DTD=1 -DXML_GE=1)
endforeach()
foreach(symbol nghttp2_option_set_stream_reset_rate_limit nghttp2_option_set_max_continuations)
    require_symbol(NGHTTP2 nghttp2/nghttp2.h ${symbol} "install the nghttp2 security updates")
endforeach()

# llhttp: a system library where there is one, else the generated C of node-llhttp.
pkg_check_modules(LLHTTP IMPORTED_TARGET libllhttp>=9.2.1)
if(LLHTTP_FOUND)
    add_library(llhttp ALIAS PkgConfig::LLHTTP)
else()
    set(llhttp_sources /usr/share/llhttp)
    if(NOT EXISTS ${llhttp_sources}/llhttp.c)
        message(FATAL_ERROR "llhttp is missing: install the package node-llhttp")
    endif()
    add_library(llhttp STATIC ${llhttp_sources}/api.c ${llhttp_sources}/http.c
                ${llhttp_sources}/llhttp.c)
    target_include_directories(llhttp SYSTEM PUBLIC /usr/share/include/llhttp)
    target_include_directories(llhttp PRIVATE /usr/share/include/llhttp)
    target_compile_definitions(llhttp PRIVATE LLHTTP_STRICT_MODE=1)
    target_compile_options(llhttp PRIVATE -w)
endif()
